import { copyFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { random } from '../../../test/support/base/random.ts';
import { record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { newSigningKey, signFiles, verified } from '../../../test/support/disks/signed-recordings.ts';
import { placesOf } from '../../record/signing/sample-groups.ts';
import { signatureFileOf } from '../../record/signing/signature-file.ts';
import { parseSignatures, type SignedSection, writeSignatures } from '../../record/signing/signatures.ts';
import { TableCache } from '../read/table-cache.ts';

const sectionOf = (file: string): SignedSection =>
  parseSignatures(readFileSync(signatureFileOf(file))).sections[0] as SignedSection;
const at = (seconds: number): string => new Date(WALL + seconds * 1000).toISOString();

async function signed(folder: string, seconds = 6) {
  const key = newSigningKey();
  const files = await record(folder, seconds, { sound: true });
  await signFiles(files, key);
  return { key, file: files[0] as string };
}

test('a recording is unchanged, by its own times, and names the key', async () => {
  using folder = temporaryFolder();
  const { key, file } = await signed(folder.path);
  const { code, text } = await verified(file);
  expect(code, text).toBe(0);
  expect(text).toContain(`key ${key.fingerprint}: compare it`);
  expect(text).toContain(`verified: cam, ${at(0)} to ${at(6)}: 6 groups, 360 samples`);
  expect(text).not.toContain('missing');
  expect(await verified(file, { key: key.fingerprint.toLowerCase().replaceAll(':', '') })).toMatchObject({ code: 0 });
  expect(await verified(file, { key: newSigningKey().fingerprint })).toMatchObject({ code: 1 });
  expect(await verified(file, { key: 'AB' })).toMatchObject({ code: 2 });
});

test('each changed bit of a sample is found, and its group is named', async () => {
  using folder = temporaryFolder();
  const { file } = await signed(folder.path);
  const { table } = await new TableCache().of({ file });
  const places = table.tracks.map((samples) => placesOf(samples, 0, samples.count));
  const bytes = readFileSync(file);
  const next = random(7);
  for (let i = 0; i < byLength(15, 40); i += 1) {
    const track = i % 2;
    const sample = Math.floor(next() * (places[track]?.length ?? 0));
    const { offset, sizeBytes } = places[track]?.[sample] ?? { offset: 0, sizeBytes: 0 };
    const changed = Buffer.from(bytes);
    const place = offset + Math.floor(next() * sizeBytes);
    changed[place] = (changed[place] as number) ^ (1 << Math.floor(next() * 8));
    writeFileSync(file, changed);
    const { code, text } = await verified(file);
    expect(code, text).toBe(1);
    const second = Math.floor(sample / (track === 0 ? 10 : 50));
    expect(text).toContain(`differ from the signed ones (in the part of ${at(second)}`);
    expect(text.match(/^changed/gm)).toHaveLength(1);
  }
});

test('a changed configuration of the decoder is found', async () => {
  using folder = temporaryFolder();
  const { file } = await signed(folder.path);
  const bytes = readFileSync(file);
  for (let box = bytes.indexOf('avcC'); box >= 0; box = bytes.indexOf('avcC', box + 4)) {
    bytes[box + 14] = (bytes[box + 14] as number) ^ 1;
  }
  writeFileSync(file, bytes);
  expect(await verified(file)).toMatchObject({ code: 1, text: expect.stringContaining("decoder's configuration") });
});

test('a removed group is a cut or a change, a moved one is out of order', async () => {
  using folder = temporaryFolder();
  const { file } = await signed(folder.path);
  const section = sectionOf(file);
  const without = { ...section, groups: section.groups.toSpliced(2, 1) };
  writeFileSync(signatureFileOf(file), writeSignatures([without]));
  expect(await verified(file)).toMatchObject({ code: 1 });
  const [first, second, ...rest] = section.groups;
  const moved = { ...section, groups: [second, first, ...rest].filter((group) => group !== undefined) };
  writeFileSync(signatureFileOf(file), writeSignatures([moved]));
  expect((await verified(file)).text).toContain('order: a part stands behind a later one');
  writeFileSync(signatureFileOf(file), writeSignatures([section, section]));
  expect(await verified(file)).toMatchObject({ code: 1, text: expect.stringContaining('order:') });
});

test('signatures of another recording, path or box do not fit', async () => {
  using folder = temporaryFolder();
  using other = temporaryFolder();
  const { file, key } = await signed(folder.path);
  const section = sectionOf(file);
  const { file: another } = await signed(other.path, 5);
  copyFileSync(signatureFileOf(another), signatureFileOf(file));
  expect(await verified(file)).toMatchObject({ code: 1 });
  for (const [name, change] of [
    ['path', 48 + 4 + 2],
    ['key', 0],
    ['stream', 33],
  ] as const) {
    const bytes = Uint8Array.from(section.bytes);
    bytes[change] = (bytes[change] as number) ^ 1;
    writeFileSync(signatureFileOf(file), writeSignatures([{ ...section, bytes }]));
    expect(await verified(file), name).toMatchObject({ code: 1, text: expect.stringContaining('signature:') });
  }
  await signFiles([file], key);
  expect(await verified(file)).toMatchObject({ code: 0 });
});

test('a part that another program cut out does not fit the signatures of the whole, which is said', async () => {
  using folder = temporaryFolder();
  const { file } = await signed(folder.path);
  const cut = join(folder.path, 'cut.mp4');
  const bytes = readFileSync(file);
  // Without the first fragment.
  const [first = 0, second = 0] = [...bytes.toString('latin1').matchAll(/....moof/gs)].map(({ index }) => index);
  writeFileSync(cut, Buffer.concat([bytes.subarray(0, first), bytes.subarray(second)]));
  const { code, text } = await verified(cut, { signatures: signatureFileOf(file) });
  expect(code, text).toBe(1);
  expect(text).toContain('nothing in it fits');
  expect((await verified(file)).text).not.toContain('nothing in it fits');
});

test('signatures that are cut at any byte verify what they cover, and say so', async () => {
  using folder = temporaryFolder();
  const { file } = await signed(folder.path, 3);
  const bytes = readFileSync(signatureFileOf(file));
  for (let size = 0; size < bytes.length; size += byLength(21, 7)) {
    writeFileSync(signatureFileOf(file), bytes.subarray(0, size));
    const { code, text } = await verified(file);
    expect([1, 2], text).toContain(code);
    expect(text).not.toContain('differ');
  }
});

test('a recording that is cut short misses signed samples', async () => {
  using folder = temporaryFolder();
  const { file } = await signed(folder.path);
  truncateSync(file, Math.floor(readFileSync(file).length * 0.6));
  expect(await verified(file)).toMatchObject({ code: 1, text: expect.stringContaining('missing:') });
});

test('a file without signatures cannot be verified', async () => {
  using folder = temporaryFolder();
  const { file } = await signed(folder.path);
  renameSync(signatureFileOf(file), join(folder.path, 'kept.sig'));
  expect(await verified(file)).toMatchObject({
    code: 2,
    text: expect.stringContaining('has no signatures: a time-lapse'),
  });
  expect(await verified(file, { signatures: join(folder.path, 'kept.sig') })).toMatchObject({ code: 0 });
  writeFileSync(join(folder.path, 'text.mp4'), 'no MP4');
  expect(await verified(join(folder.path, 'text.mp4'))).toMatchObject({ code: 2 });
  writeFileSync(join(folder.path, 'film.zip'), Buffer.from('504b0304140000000000', 'hex'));
  expect((await verified(join(folder.path, 'film.zip'))).text).toContain(
    'it is a ZIP file: verify the MP4 files in it',
  );
  expect(await verified(join(folder.path, 'gone.mp4'))).toMatchObject({ code: 2 });
});

test('recordings in MPEG-TS are verified with the file next to them', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 4, { sound: true, format: 'mpegts' });
  await signFiles([file], newSigningKey());
  const { code, text } = await verified(file);
  expect(code, text).toBe(0);
});

test('damaged files and signatures end in an answer', async () => {
  using folder = temporaryFolder();
  const { file } = await signed(folder.path, 3);
  const next = random(11);
  const originals = [file, signatureFileOf(file)].map((name) => ({ name, bytes: readFileSync(name) }));
  for (let i = 0; i < byLength(60, 150); i += 1) {
    const { name, bytes } = originals[i % 2] as (typeof originals)[number];
    const damaged = Buffer.from(bytes);
    for (let k = 0; k < 1 + i / 10; k += 1) {
      // The headers, more often than the rest.
      const place = Math.floor(next() * (k % 2 === 0 ? Math.min(2_000, bytes.length) : bytes.length));
      damaged[place] = Math.floor(next() * 256);
    }
    writeFileSync(name, i % 5 === 0 ? damaged.subarray(0, Math.floor(next() * damaged.length)) : damaged);
    const { code } = await verified(file);
    expect([0, 1, 2, 3]).toContain(code);
    writeFileSync(name, bytes);
  }
  expect(await verified(file)).toMatchObject({ code: 0 });
});
