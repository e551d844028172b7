import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import { loadUpdateKeys } from './keys.ts';
import {
  debName,
  isSystem,
  type Manifest,
  SYSTEM_PACKAGE,
  type SystemManifest,
  type UpdatePackage,
} from './manifest.ts';
import { readManifest, readUpdate, writeHeader } from './update-file.ts';

const KEYS = generateKeyPairSync('ed25519');
const OTHER = generateKeyPairSync('ed25519');
const PERCH = Buffer.from('the package of perch');
const NODE = Buffer.from('the package of its Node, which is longer');

const packageOf = (bytes: Buffer, more: Partial<UpdatePackage> = {}): UpdatePackage => ({
  ...{ name: 'perch', version: '1.2.3', architecture: 'all', sizeBytes: bytes.length },
  sha512: createHash('sha512').update(bytes).digest('hex'),
  ...more,
});
const MANIFEST: Manifest = {
  version: '1.2.3',
  made: '2026-11-21T08:00:00.000Z',
  packages: [packageOf(PERCH), packageOf(NODE, { name: 'perch-node', version: '1.0.0', architecture: 'arm64' })],
};
const fileOf = (manifest: object = MANIFEST, key: KeyObject = KEYS.privateKey): Buffer =>
  Buffer.concat([writeHeader(manifest as Manifest, key), PERCH, NODE]);
/** A header whose signature is good, with whatever text in the place of the manifest. */
function signedText(text: string): Buffer {
  const before = Buffer.alloc(12);
  before.write('PERCHUP1');
  before.writeUInt32BE(Buffer.byteLength(text), 8);
  const signed = Buffer.concat([before, Buffer.from(text)]);
  return Buffer.concat([before, sign(null, signed, KEYS.privateKey), Buffer.from(text)]);
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}

async function read(bytes: Uint8Array, keys: readonly KeyObject[] = [KEYS.publicKey], size = 7) {
  const taken = new Map<string, Buffer>();
  let begun = 0;
  const manifest = await readUpdate(inPieces(bytes, size), keys, {
    begin: (found) => {
      begun += 1;
      return found;
    },
    take: (piece, of) => void taken.set(debName(of), Buffer.concat([taken.get(debName(of)) ?? Buffer.alloc(0), piece])),
  });
  return { manifest, taken, begun };
}

test.for([1, 7, 100_000])('an update in pieces of %i bytes is read correctly', async (size) => {
  const { manifest, taken } = await read(fileOf(), [OTHER.publicKey, KEYS.publicKey], size);
  expect(manifest).toEqual(MANIFEST);
  expect([...taken]).toEqual([
    ['perch_1.2.3_all.deb', PERCH],
    ['perch-node_1.0.0_arm64.deb', NODE],
  ]);
});

const perch = packageOf(PERCH);
const withPerch = (more: object) => ({ ...MANIFEST, packages: [{ ...perch, ...more }] });
test.for([
  ['noUpdate', 'a picture', Buffer.alloc(200, 0xff)],
  ['damaged', 'nothing', Buffer.alloc(0)],
  ['damaged', 'one that is cut off in its header', fileOf().subarray(0, 40)],
  ['damaged', 'one that is cut off in a package', fileOf().subarray(0, -1)],
  ['damaged', 'bytes after its end', Buffer.concat([fileOf(), Buffer.of(0)])],
  ['damaged', 'one with a package that was changed', Buffer.concat([fileOf().subarray(0, -3), PERCH.subarray(0, 3)])],
  ['damaged', 'a manifest that is no JSON', signedText('hello')],
  ['damaged', 'a manifest that is null', signedText('null')],
  ['damaged', 'the manifest of something else', signedText('{"format":"other"}')],
  ['laterFormat', 'a later format', signedText('{"format":"perch-update","formatVersion":2}')],
  ['damaged', 'one without a version', fileOf({ ...MANIFEST, version: undefined })],
  ['damaged', 'a version that is a path', fileOf({ ...MANIFEST, version: '../../1.2.3' })],
  ['damaged', 'a time that is none', fileOf({ ...MANIFEST, made: 'yesterday' })],
  ['damaged', 'no packages', fileOf({ ...MANIFEST, packages: [] })],
  ['damaged', 'five packages', fileOf({ ...MANIFEST, packages: Array(5).fill(perch) })],
  ['damaged', 'a package twice', fileOf({ ...MANIFEST, packages: [perch, perch] })],
  ['damaged', 'a package of another program', fileOf(withPerch({ name: 'bash' }))],
  ['damaged', 'perch for one architecture', fileOf(withPerch({ architecture: 'amd64' }))],
  ['damaged', 'an unknown architecture', fileOf(withPerch({ name: 'perch-node', architecture: 'm68k' }))],
  ['damaged', 'perch of another version than the update', fileOf(withPerch({ version: '1.2.2' }))],
  ['damaged', 'a size that is a text', fileOf(withPerch({ sizeBytes: '20' }))],
  ['damaged', 'a package of a gigabyte', fileOf(withPerch({ sizeBytes: 1 << 30 }))],
  ['damaged', 'a SHA-512 that is none', fileOf(withPerch({ sha512: 'abc' }))],
] as const)('%s is the word for %s', async ([why, , bytes]) => {
  await expect(read(bytes)).rejects.toMatchObject({ name: 'PerchError', code: 'badInput', context: { why } });
});

test('an update with a foreign signature is rejected', async () => {
  const error = { code: 'badInput', context: { why: 'notSigned' } };
  await expect(read(fileOf(MANIFEST, OTHER.privateKey))).rejects.toMatchObject(error);
  await expect(read(fileOf(), [])).rejects.toMatchObject(error);
});

const SYSTEM: SystemManifest = {
  ...MANIFEST,
  packages: [{ ...packageOf(PERCH), name: SYSTEM_PACKAGE, architecture: 'arm64' }],
};

test('an update of a whole system is read and distinguished from one of packages', async () => {
  const bytes = Buffer.concat([writeHeader(SYSTEM, KEYS.privateKey), PERCH]);
  const { manifest, taken } = await read(bytes);
  expect(manifest).toEqual(SYSTEM);
  expect([...taken.values()]).toEqual([PERCH]);
  expect([isSystem(SYSTEM), isSystem(MANIFEST)]).toEqual([true, false]);
});

test.for([
  ['two systems', { packages: [...SYSTEM.packages, ...SYSTEM.packages] }],
  ['a system of another version', { version: '1.2.4' }],
  ['a system for another processor', { packages: [{ ...SYSTEM.packages[0], architecture: 'amd64' }] }],
  ['a system and Perch', { packages: [...SYSTEM.packages, perch] }],
] as const)('an update with %s is damaged', async ([, more]) => {
  const bytes = fileOf({ ...SYSTEM, ...more });
  await expect(read(bytes)).rejects.toMatchObject({ code: 'badInput', context: { why: 'damaged' } });
});

test('the signed part can be read alone', async () => {
  const begun = fileOf(SYSTEM).subarray(0, -PERCH.length - NODE.length);
  expect(await readManifest(inPieces(begun, 7), [KEYS.publicKey])).toEqual(SYSTEM);
  const error = { context: { why: 'notSigned' } };
  await expect(readManifest(inPieces(begun, 7), [OTHER.publicKey])).rejects.toMatchObject(error);
});

test('no byte of the signed part can be another one', async () => {
  const bytes = fileOf();
  const signed = bytes.length - PERCH.length - NODE.length;
  for (let at = 0; at < signed; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(read(changed), `byte ${at}`).rejects.toThrow(PerchError);
  }
});

test('an update with a long manifest is rejected before it is read', async () => {
  const bytes = fileOf();
  bytes.writeUInt32BE(0xffff_ffff, 8);
  await expect(read(bytes)).rejects.toThrow('the manifest has 4294967295 bytes, the limit is 16384');
});

test('damaged updates are rejected with a reason, and accepted parts are signed', async () => {
  const next = random(20_261_121);
  const bytes = fileOf();
  for (let round = 0; round < 2_000; round += 1) {
    const damaged = mutate(bytes, next);
    const outcome = await read(damaged, [KEYS.publicKey], 1 + Math.floor(next() * 300)).catch(
      (error: unknown) => error,
    );
    if (!(outcome instanceof PerchError)) {
      expect(outcome, `round ${round}`).toMatchObject({ manifest: MANIFEST });
      expect(bytes.equals(damaged)).toBe(true);
    }
  }
});

test('signed manifests of any shape are read or rejected with a reason', async () => {
  const next = random(7);
  const text = Buffer.from(JSON.stringify({ format: 'perch-update', formatVersion: 1, ...MANIFEST }));
  for (let round = 0; round < 2_000; round += 1) {
    const header = signedText(Buffer.from(mutate(text, next)).toString('utf8'));
    const outcome = await read(Buffer.concat([header, PERCH, NODE])).catch((error: unknown) => error);
    if (!(outcome instanceof PerchError)) {
      expect(outcome, `round ${round}`).toMatchObject({ begun: 1 });
    }
  }
});

test('the Ed25519 keys of the folder are read; other files are ignored', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' });
  writeFileSync(join(folder, 'a.pem'), pem(KEYS.publicKey));
  writeFileSync(join(folder, 'b.pem'), pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey));
  writeFileSync(join(folder, 'c.pem'), 'no key');
  writeFileSync(join(folder, 'd.txt'), pem(OTHER.publicKey));
  expect(loadUpdateKeys(folder).map((key) => key.equals(KEYS.publicKey))).toEqual([true]);
  expect(loadUpdateKeys(join(folder, 'none'))).toEqual([]);
});
