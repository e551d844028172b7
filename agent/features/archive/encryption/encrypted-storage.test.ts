import { createHash, randomFillSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import type { ArchiveStorage, Upload } from '../storage/contracts.ts';
import { archiveFailure } from '../storage/failure.ts';
import { EncryptedStorage } from './encrypted-storage.ts';
import { newArchiveKey } from './key-text.ts';
import { BLOCK_BYTES, plainBytesOf, storedBytesOf } from './layout.ts';

const KEY = 'cams/abcdefabcdef/yard/2026-01-31/18-00-00-000000Z.mp4.enc';
const OTHER = 'cams/abcdefabcdef/yard/2026-01-31/19-00-00-000000Z.mp4.enc';
const { signal } = new AbortController();
const PART_BYTES = 1 << 20;
const FIRST = BLOCK_BYTES - 52;

/** An archive in memory, which reads uploads in parts. */
class MemoryStorage implements ArchiveStorage {
  readonly objects = new Map<string, Buffer>();

  async put({ key, sizeBytes, read, sent }: Upload): Promise<string> {
    const parts: Buffer[] = [];
    for (let at = 0; at < sizeBytes; at += PART_BYTES) {
      parts.push(Buffer.from(await read(at, Math.min(PART_BYTES, sizeBytes - at))));
      sent(Math.min(sizeBytes, at + PART_BYTES));
    }
    this.objects.set(key, Buffer.concat(parts));
    return 'of the stored bytes';
  }

  async read(key: string, position: number, length: number): Promise<Uint8Array> {
    const bytes = this.#get(key).subarray(position, position + length);
    if (bytes.length !== length) {
      throw archiveFailure('damaged', 'too short');
    }
    return bytes;
  }

  sizeOf = async (key: string): Promise<number> => this.#get(key).length;

  async *list() {
    for (const [key, { length: sizeBytes }] of this.objects) {
      yield { key, sizeBytes };
    }
  }

  async remove(key: string): Promise<void> {
    this.objects.delete(key);
  }

  async removeUnfinished(): Promise<void> {}

  close(): void {}

  #get(key: string): Buffer {
    const found = this.objects.get(key);
    if (!found) {
      throw archiveFailure('other', 'there is none');
    }
    return found;
  }
}

function boxOf(keys: readonly Uint8Array[] = [newArchiveKey()], inner = new MemoryStorage()) {
  const open = (some: readonly Uint8Array[] = keys, prefix = 'cams') =>
    new EncryptedStorage({ storage: inner, keys: { current: some[0], all: some }, prefix });
  return { inner, open, storage: open(), objects: inner.objects };
}

const uploadOf = (content: Buffer, key = KEY, sent: (bytes: number) => void = () => {}): Upload => ({
  key,
  sizeBytes: content.length,
  read: async (position, length) => content.subarray(position, position + length),
  pace: async () => {},
  checkPoint: () => {},
  unfinished: undefined,
  begun: async () => {},
  sent,
  signal,
});
const bytesOf = (length: number): Buffer => randomFillSync(Buffer.alloc(length));

const SIZES = [0, 1, FIRST - 1, FIRST, FIRST + 1, FIRST + 65_508, FIRST + 65_509, 3 * PART_BYTES + 17];

test.for(SIZES)('a recording of %d bytes comes back, and is not readable in the archive', async (length) => {
  const { storage, objects } = boxOf();
  const content = bytesOf(length);
  const steps: number[] = [];
  const sha256 = await storage.put(uploadOf(content, KEY, (bytes) => steps.push(bytes)));
  expect(sha256).toBe(createHash('sha256').update(content).digest('hex'));
  expect(steps.at(-1)).toBe(length);
  expect(await storage.sizeOf(KEY, signal)).toBe(length);
  expect(Buffer.from(await storage.read(KEY, 0, length, signal)).equals(content)).toBe(true);
  const stored = objects.get(KEY) ?? Buffer.alloc(0);
  expect(stored.length).toBe(storedBytesOf(length));
  expect(length < 16 || !stored.includes(content.subarray(0, 16))).toBe(true);
  for await (const listed of storage.list('', signal)) {
    expect(listed).toEqual({ key: KEY, sizeBytes: length });
  }
});

test('any range equals that of the recording', async () => {
  const next = random(31);
  const { storage } = boxOf();
  const content = bytesOf(5 * BLOCK_BYTES + 777);
  await storage.put(uploadOf(content));
  for (let i = 0; i < byLength(150, 500); i += 1) {
    const from = Math.floor(next() * content.length);
    const length = Math.floor(next() * (content.length - from)) + (i % 2);
    const wanted = content.subarray(from, from + length);
    expect(Buffer.from(await storage.read(KEY, from, wanted.length, signal)).equals(wanted)).toBe(true);
  }
});

test('the longest read is longer in the archive', async () => {
  const { storage } = boxOf();
  const content = bytesOf(17 << 20);
  await storage.put(uploadOf(content));
  const read = await storage.read(KEY, 1, 16 << 20, signal);
  expect(Buffer.from(read).equals(content.subarray(1, 1 + (16 << 20)))).toBe(true);
});

test('the same recording under the same name is the same object, another one shares nothing with it', async () => {
  const { storage, objects, open } = boxOf();
  const content = bytesOf(3 * BLOCK_BYTES);
  await storage.put(uploadOf(content));
  const first = objects.get(KEY) ?? Buffer.alloc(0);
  await open().put(uploadOf(content));
  expect(objects.get(KEY)?.equals(first)).toBe(true);
  await storage.put(uploadOf(content, OTHER));
  const other = objects.get(OTHER) ?? Buffer.alloc(0);
  const changed = Buffer.from(content);
  changed[10] = (changed[10] ?? 0) ^ 1;
  await storage.put(uploadOf(changed));
  const second = objects.get(KEY) ?? Buffer.alloc(0);
  // Nonces of the first block.
  const noncesOf = [first, other, second].map((bytes) => bytes.toString('hex', 24, 36));
  expect(new Set(noncesOf).size).toBe(3);
  // An unchanged block is the same: a resumed upload depends on it.
  expect(second.subarray(BLOCK_BYTES).equals(first.subarray(BLOCK_BYTES))).toBe(true);
});

/** Reads all of an object. */
const readAll = async (storage: ArchiveStorage): Promise<Uint8Array> =>
  storage.read(KEY, 0, await storage.sizeOf(KEY, signal), signal);

test('every changed bit of an object is noticed', async () => {
  const { storage, objects, open } = boxOf();
  await storage.put(uploadOf(bytesOf(100)));
  const good = objects.get(KEY) ?? Buffer.alloc(0);
  for (let bit = 0; bit < good.length * 8; bit += byLength(5, 1)) {
    const changed = Buffer.from(good);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    objects.set(KEY, changed);
    await expect(readAll(open()), `bit ${bit}`).rejects.toMatchObject({ code: 'unavailable' });
  }
});

const DAMAGED = byLength(100, 300);

test('damaged objects of several blocks fail with a reason, or give the recording', async () => {
  const next = random(32);
  const { storage, objects, open } = boxOf();
  const content = bytesOf(4 * BLOCK_BYTES);
  await storage.put(uploadOf(content));
  const good = objects.get(KEY) ?? Buffer.alloc(0);
  let failed = 0;
  for (let i = 0; i < DAMAGED; i += 1) {
    const damaged = Buffer.from(mutate(good, next));
    objects.set(KEY, damaged);
    const read = await open()
      .read(KEY, 0, content.length, signal)
      .catch((error: unknown) => {
        expect(error).toMatchObject({ name: 'PerchError', context: { why: expect.stringMatching(/^damaged$|^key$/) } });
        failed += 1;
        return content;
      });
    expect(Buffer.from(read).equals(content)).toBe(true);
    expect(damaged.equals(good) || failed > 0).toBe(true);
  }
  expect(failed).toBeGreaterThan(byLength(96, 290));
});

test.for([
  ['cut off behind a block', (good: Buffer) => good.subarray(0, 2 * BLOCK_BYTES)],
  ['cut off within a block', (good: Buffer) => good.subarray(0, 2 * BLOCK_BYTES + 100)],
  ['cut off in its header', (good: Buffer) => good.subarray(0, 20)],
  ['continued', (good: Buffer) => Buffer.concat([good, good.subarray(BLOCK_BYTES, 2 * BLOCK_BYTES)])],
  [
    'with two blocks exchanged',
    (good: Buffer) =>
      Buffer.concat([
        good.subarray(0, BLOCK_BYTES),
        good.subarray(2 * BLOCK_BYTES, 3 * BLOCK_BYTES),
        good.subarray(BLOCK_BYTES, 2 * BLOCK_BYTES),
        good.subarray(3 * BLOCK_BYTES),
      ]),
  ],
  ['empty', () => Buffer.alloc(0)],
] as const)('an object that is %s is noticed', async ([, change]) => {
  const { storage, objects, open } = boxOf();
  const content = bytesOf(4 * BLOCK_BYTES);
  await storage.put(uploadOf(content));
  objects.set(KEY, change(objects.get(KEY) ?? Buffer.alloc(0)));
  await expect(open().read(KEY, 0, content.length, signal)).rejects.toMatchObject({ context: { why: 'damaged' } });
  // By its own size, too: nothing else knows that of a lost box.
  const size = await open().sizeOf(KEY, signal);
  if (size > 0) {
    await expect(readAll(open())).rejects.toMatchObject({ context: { why: 'damaged' } });
  }
});

test('an object that was stored again is read with its new size', async () => {
  const { storage, open } = boxOf();
  await storage.put(uploadOf(bytesOf(1_000)));
  const reading = open();
  await reading.read(KEY, 0, 1_000, signal);
  const longer = bytesOf(2_000);
  await storage.put(uploadOf(longer));
  expect(Buffer.from(await reading.read(KEY, 0, 2_000, signal)).equals(longer)).toBe(true);
});

test('an object in place of another one is noticed', async () => {
  const { storage, objects } = boxOf();
  await storage.put(uploadOf(bytesOf(1_000)));
  await storage.put(uploadOf(bytesOf(1_000), OTHER));
  objects.set(KEY, objects.get(OTHER) ?? Buffer.alloc(0));
  await expect(storage.read(KEY, 0, 10, signal)).rejects.toThrow('was changed in the archive');
});

test('another key is named by its id, and no key appears', async () => {
  const [mine, wrong] = [newArchiveKey(), newArchiveKey()];
  const { storage, open } = boxOf([mine]);
  await storage.put(uploadOf(bytesOf(1_000)));
  const error = await open([wrong])
    .read(KEY, 0, 10, signal)
    .catch((failure: unknown) => failure);
  expect(error).toMatchObject({
    context: { why: 'key' },
    message: expect.stringMatching(/the key [0-9a-f]{16}, which/),
  });
  expect(Buffer.from(await open([wrong, mine]).read(KEY, 0, 10, signal)).length).toBe(10);
  await expect(open([]).put(uploadOf(bytesOf(1)))).rejects.toThrow('the key of the archive cannot be read');
});

test('an archive may be moved to another prefix', async () => {
  const { storage, objects, open } = boxOf();
  const content = bytesOf(1_000);
  await storage.put(uploadOf(content));
  objects.set(KEY.replace('cams/', 'old/moved/'), objects.get(KEY) ?? Buffer.alloc(0));
  const read = await open(undefined, 'old/moved').read(KEY.replace('cams/', 'old/moved/'), 0, 1_000, signal);
  expect(Buffer.from(read).equals(content)).toBe(true);
});

test('objects that are not encrypted are passed on', async () => {
  const { storage, objects } = boxOf();
  const name = KEY.replace('.enc', '');
  await storage.put(uploadOf(Buffer.from('plain'), name));
  expect(objects.get(name)?.toString()).toBe('plain');
  expect(Buffer.from(await storage.read(name, 1, 3, signal)).toString()).toBe('lai');
  expect(await storage.sizeOf(name, signal)).toBe(5);
});

test('the sizes of a recording and its object follow from each other', () => {
  const next = random(33);
  for (let i = 0; i < 20_000; i += 1) {
    const plain = i < 5_000 ? FIRST - 2_500 + i : Math.floor(next() * 2 ** 41);
    expect(plainBytesOf(storedBytesOf(plain))).toBe(plain);
  }
  for (const impossible of [0, 1, 51, BLOCK_BYTES + 1, BLOCK_BYTES + 28]) {
    expect(plainBytesOf(impossible)).toBeUndefined();
  }
});
