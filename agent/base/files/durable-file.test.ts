import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadPrivate, savePrivate } from './durable-file.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-private-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a saved file is loaded again, and only its owner may read it', async () => {
  const file = join(folder, 'new', 'users.json');
  await savePrivate(file, { users: ['a'] });
  expect(await loadPrivate(file)).toEqual({ users: ['a'] });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a temporary file left over by a crash does not widen the permissions', async () => {
  const file = join(folder, 'users.json');
  await writeFile(`${file}.new`, 'half');
  await chmod(`${file}.new`, 0o644);
  await savePrivate(file, {});
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['users.json']);
});

test('no file is nothing; a damaged or huge one is an error that names it', async () => {
  const file = join(folder, 'users.json');
  expect(await loadPrivate(file)).toBeUndefined();
  await writeFile(file, '{"users": [');
  await expect(loadPrivate(file)).rejects.toThrow(`${file} is not JSON`);
  await writeFile(file, ' '.repeat(17 << 20));
  await expect(loadPrivate(file)).rejects.toThrow('at most 16777216 are read');
});

test('what would be too large to be read is not saved, and the old content stays', async () => {
  const file = join(folder, 'users.json');
  await savePrivate(file, { old: true });
  await expect(savePrivate(file, ' '.repeat(16 << 20))).rejects.toThrow('at most 16777216 are read');
  expect(await loadPrivate(file)).toEqual({ old: true });
});

test('a file that cannot be written is an error that names it, and the old content stays', async () => {
  const file = join(folder, 'users.json');
  await savePrivate(file, { old: true });
  await rm(`${file}.new`, { force: true });
  await expect(savePrivate(join(file, 'below'), {})).rejects.toThrow('cannot write');
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ old: true });
});
