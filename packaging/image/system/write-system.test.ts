import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Manifest, SYSTEM_PACKAGE, type SystemManifest } from '../../../system/update/manifest.ts';
import { writeHeader } from '../../../system/update/update-file.ts';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { parseChoice, writeChoice } from './choice.ts';
import { type Place, readChoice, type SystemDisk, writeSystem } from './write-system.ts';

const KEYS = generateKeyPairSync('ed25519');
const PARTITION_BYTES = 5 << 20;
/** Some pieces are the same as those of the former system, and the last one is not full. */
const SYSTEM = Buffer.concat([Buffer.alloc(2 << 20, 7), randomBytes((1 << 20) + 4_711), Buffer.alloc(1 << 20)]);

function updateOf(system: Buffer, key: KeyObject = KEYS.privateKey, packed = zstdCompressSync(system)): Buffer {
  const sha512 = createHash('sha512').update(packed).digest('hex');
  const manifest: SystemManifest = {
    version: '1.2.3',
    made: '2026-11-21T08:00:00.000Z',
    packages: [{ name: SYSTEM_PACKAGE, version: '1.2.3', architecture: 'arm64', sizeBytes: packed.length, sha512 }],
  };
  return Buffer.concat([writeHeader(manifest, key), packed]);
}

function updateOfPerch(): Buffer {
  const perch = Buffer.from('a package');
  const sha512 = createHash('sha512').update(perch).digest('hex');
  const one = { name: 'perch', version: '1.2.3', architecture: 'all', sizeBytes: perch.length, sha512 } as const;
  const manifest: Manifest = { version: '1.2.3', made: '2026-11-21T08:00:00.000Z', packages: [one] };
  return Buffer.concat([writeHeader(manifest, KEYS.privateKey), perch]);
}

class PowerCut extends Error {}

/** A disk with a cache: after a power cut it has any of what was not synced, and of the last piece a part. */
class Card {
  readonly stored = {
    choice: Buffer.alloc(512),
    a: Buffer.alloc(PARTITION_BYTES, 1),
    b: Buffer.alloc(PARTITION_BYTES, 7),
  };
  readonly #cached: { readonly place: keyof Card['stored']; readonly bytes: Buffer; readonly at: number }[] = [];
  readonly #draw: () => number;
  operations = 0;
  cutAt = Number.POSITIVE_INFINITY;
  losesData = false;
  readonly disk: SystemDisk;

  constructor(draw: () => number = () => 1) {
    this.#draw = draw;
    this.stored.choice.set(writeChoice({ system: 'a' }));
    this.disk = { choice: this.#place('choice'), systems: { a: this.#place('a'), b: this.#place('b') } };
  }

  #place(place: keyof Card['stored']): Place {
    return {
      sizeBytes: this.stored[place].length,
      read: async (bytes, at) => {
        bytes.set(this.stored[place].subarray(at, at + bytes.length));
        for (const one of this.#cached.filter((other) => other.place === place && other.at === at)) {
          bytes.set(one.bytes);
        }
      },
      write: async (bytes, at) => {
        this.#cached.push({ place, bytes: Buffer.from(bytes), at });
        this.#step();
      },
      sync: async () => {
        this.#step();
        for (const { place: to, bytes, at } of this.#cached.splice(0)) {
          this.stored[to].set(bytes, at);
        }
        if (this.losesData && place === 'b') {
          this.stored.b[1_234] = 99;
        }
      },
    };
  }

  #step(): void {
    this.operations += 1;
    if (this.operations === this.cutAt) {
      for (const { place, bytes, at } of this.#cached.splice(0)) {
        const kept = place === 'choice' ? 512 * Math.round(this.#draw()) : Math.floor(bytes.length * this.#draw());
        this.stored[place].set(bytes.subarray(0, kept), at);
      }
      throw new PowerCut();
    }
  }

  /** Starts a system as U-Boot does. @returns the bytes of the system that is started */
  boot(): { readonly system: 'a' | 'b'; readonly bytes: Buffer } {
    const { system, trial } = parseChoice(this.stored.choice);
    this.stored.choice.set(writeChoice({ system }));
    const started = trial ?? system;
    return { system: started, bytes: this.stored[started] };
  }
}

async function* inPieces(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}

const write = (card: Card, update: Buffer, more: Partial<Parameters<typeof writeSystem>[1]> = {}) =>
  writeSystem(inPieces(update), { disk: card.disk, running: 'a', keys: [KEYS.publicKey], check: () => {}, ...more });

const isSystem = (bytes: Buffer): boolean => bytes.subarray(0, SYSTEM.length).equals(SYSTEM);
const FORMER = Buffer.alloc(PARTITION_BYTES, 1);
const isFormer = (bytes: Buffer): boolean => bytes.equals(FORMER);

test('the other system is written whole, and tried at the next start', async () => {
  const card = new Card();
  expect(await write(card, updateOf(SYSTEM))).toMatchObject({ version: '1.2.3' });
  expect(await readChoice(card.disk)).toEqual({ system: 'a', trial: 'b' });
  expect(isSystem(card.stored.b)).toBe(true);
  expect(isFormer(card.stored.a)).toBe(true);
  // The choice, twice; the first piece, twice, and of four others the three that differ; syncs of each choice, and of the
  // system without its first piece, with all but it, and whole.
  expect(card.operations).toBe(2 + 2 + 3 + 2 + 3);
});

test('its progress grows to the whole, with the part in which it is read again', async () => {
  const shares: number[] = [];
  await write(new Card(), updateOf(SYSTEM), { onProgress: (share) => shares.push(share) });
  expect(shares).toEqual(shares.toSorted((one, other) => one - other));
  expect(shares[0]).toBeLessThan(0.2);
  expect(shares).toContain(0.8);
  expect(shares.at(-1)).toBe(1);
});

test('the power is cut at each operation: a whole system starts, and the update can be repeated', async () => {
  const whole = new Card();
  const update = updateOf(SYSTEM);
  await write(whole, update);
  for (let cut = 1; cut <= whole.operations; cut += 1) {
    for (const seed of byLength([1 + (cut % 3)], [1, 2, 3])) {
      const card = new Card(random(cut * 100 + seed));
      card.cutAt = cut;
      await expect(write(card, update), `cut ${cut}`).rejects.toThrow(PowerCut);
      const { system, bytes } = card.boot();
      expect(system === 'a' ? isFormer(bytes) : isSystem(bytes), `cut ${cut}, system ${system}`).toBe(true);
      expect(card.boot().system).toBe('a');
      await write(card, update);
      expect(isSystem(card.boot().bytes)).toBe(true);
    }
  }
});

describe('the running system stays the choice', () => {
  const foreign = generateKeyPairSync('ed25519').privateKey;
  const tampered = updateOf(SYSTEM);
  tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1;
  const packed = zstdCompressSync(SYSTEM);
  test.for([
    ['another key signed it', updateOf(SYSTEM, foreign), 'not signed'],
    ['its last byte differs', tampered, 'not what was signed'],
    ['it is truncated', updateOf(SYSTEM).subarray(0, -1_000), 'truncated'],
    ['it is larger than the partition', updateOf(Buffer.alloc(PARTITION_BYTES + 1)), 'of its partition'],
    ['its system is not compressed', updateOf(SYSTEM, KEYS.privateKey, SYSTEM.subarray(0, 100_000)), ''],
    ['it has Debian packages of Perch', updateOfPerch(), 'an update of Perch alone'],
    ['its system ends too early', updateOf(SYSTEM, KEYS.privateKey, packed.subarray(0, -500)), ''],
  ] as const)('%s', async ([, update, text]) => {
    const card = new Card();
    await expect(write(card, update)).rejects.toThrow(text);
    expect(card.boot().system).toBe('a');
    expect(isFormer(card.stored.a)).toBe(true);
    // The other one is as before, or has no superblock: U-Boot does not start it in its place.
    expect([7, 0]).toContain(card.stored.b[1_024]);
  });

  test('the disk does not keep what was written', async () => {
    const card = new Card();
    card.losesData = true;
    await expect(write(card, updateOf(SYSTEM))).rejects.toThrow('worn out');
    expect(card.boot().system).toBe('a');
    // Without a superblock U-Boot does not start it.
    expect(card.stored.b[1_024]).toBe(0);
  });

  test('a check of the caller rejects it, and nothing is written', async () => {
    const card = new Card();
    const check = () => {
      throw new Error('older');
    };
    await expect(write(card, updateOf(SYSTEM), { check })).rejects.toThrow('older');
    expect(card.stored.b.equals(Buffer.alloc(PARTITION_BYTES, 7))).toBe(true);
  });

  test('any bytes arrive', async () => {
    const draw = random(7);
    for (let round = 0; round < 30; round += 1) {
      const [card, good] = [new Card(), updateOf(SYSTEM.subarray(0, 50_000))];
      const bytes = Buffer.from(mutate(good, draw));
      if (bytes.equals(good)) {
        continue;
      }
      await expect(write(card, bytes)).rejects.toThrow();
      expect(card.boot().system).toBe('a');
    }
  });
});

test('an update that is refused leaves the one that waits for its trial', async () => {
  const card = new Card();
  await write(card, updateOf(SYSTEM));
  await expect(write(card, updateOfPerch())).rejects.toThrow('an update of Perch alone');
  expect(await readChoice(card.disk)).toEqual({ system: 'a', trial: 'b' });
  expect(isSystem(card.boot().bytes)).toBe(true);
});

test('a system that is being tried does not overwrite the one that works', async () => {
  const card = new Card();
  await write(card, updateOf(SYSTEM));
  expect(card.boot().system).toBe('b');
  await expect(write(card, updateOf(SYSTEM), { running: 'b' })).rejects.toThrow('is being tried');
  expect(isFormer(card.stored.a)).toBe(true);
});
