import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { place } from '../../../test/support/harness/config-place.ts';
import { ConfigText } from '../file/config-text.ts';

const KEY = { MTX_CONFKEY: 'correct horse battery staple' };
const SECRET = 'rtsp://admin:tangerine@10.0.0.2/';
const TEXT = `perch: own # mine\npaths:\n  garden:\n    source: ${SECRET}\n`;

const sealed = (env: Record<string, string> = KEY) => new ConfigText(env).seal(TEXT);

test('an encrypted file is read, and an edit leaves it encrypted with its comments', async () => {
  const { open, write, read, cwd } = place();
  write('perch.yml', await sealed());
  const store = await open(undefined, undefined, KEY);
  expect(store.current.paths.get('garden')?.settings?.source).toBe(SECRET);
  await store.edit([{ keyPath: ['hls'], value: false }]);
  expect(read('perch.yml')).toMatch(/^[\w+/]+=*\n$/);
  expect(await new ConfigText(KEY).read(join(cwd, 'perch.yml'))).toBe(`${TEXT}hls: false\n`);
});

test('no copy of an encrypted file is readable', async () => {
  const { open, write, dataDir } = place();
  write('perch.yml', await sealed());
  const store = await open(undefined, undefined, KEY);
  await store.replace(() => `${TEXT}hls: no\n`, undefined);
  const copies = readdirSync(dataDir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  expect(copies.length).toBeGreaterThan(1);
  for (const { parentPath, name } of copies) {
    expect(readFileSync(join(parentPath, name), 'latin1')).not.toContain('tangerine');
  }
});

test('a damaged encrypted file is replaced by its last good version', async () => {
  const { open, write } = place();
  write('perch.yml', await sealed());
  (await open(undefined, undefined, KEY)).close();
  write('perch.yml', 'moqQUICAddress: [\n');
  const store = await open(undefined, undefined, KEY);
  expect(store.current.paths.has('garden')).toBe(true);
});

test('with another key the file is not used, and the message names file and variable', async () => {
  const { open, write } = place();
  write('perch.yml', await sealed());
  await expect(open(undefined, undefined, { MTX_CONFKEY: 'other' })).rejects.toThrow(
    /cannot decrypt .*perch\.yml: it is damaged, or MTX_CONFKEY is not its key/,
  );
});

test('a plain file is read, and encrypted by the next edit', async () => {
  const { open, write, read } = place();
  write('perch.yml', TEXT);
  const store = await open(undefined, undefined, KEY);
  await store.edit([{ keyPath: ['hls'], value: false }]);
  expect(read('perch.yml')).not.toContain('perch');
});

test('keys count up to 32 bytes', async () => {
  const { write } = place();
  const file = write('perch.yml', await sealed({ RTSP_CONFKEY: 'k'.repeat(40) }));
  expect(await new ConfigText({ PERCH_CONFKEY: 'k'.repeat(32) }).read(file)).toBe(TEXT);
});

test('no damage of an encrypted file passes for its text', async () => {
  const { write } = place();
  const bytes = Buffer.from(await sealed(), 'base64');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at);
    for (const damaged of [changed, bytes.subarray(0, Math.max(1, at))]) {
      const file = write('perch.yml', damaged.toString('base64'));
      await expect(new ConfigText(KEY).read(file)).rejects.toThrow('cannot decrypt');
    }
  }
});
