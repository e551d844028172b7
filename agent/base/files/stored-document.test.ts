import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Type from 'typebox';
import { expect, test } from 'vitest';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { StoredDocument } from './stored-document.ts';

const Names = Type.Object({ names: Type.Array(Type.String()) });

test.for(['{', 'null', '{"names":[7]}'])('the damaged file %s is renamed and reported', async (text) => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'names.json');
  const { log, logged } = keepLogLines();
  writeFileSync(file, text);
  const document = new StoredDocument(file, Names, log);
  expect(await document.open('the names are lost')).toBeUndefined();
  expect(logged).toMatchObject([['error', 'the names are lost', { file }]]);
  expect(readFileSync(`${file}.damaged`, 'utf8')).toBe(text);
  await document.save(() => ({ names: ['a'] }));
  expect(await document.open('')).toEqual({ names: ['a'] });
});

test('an unreadable file stays until another value is saved', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'names.json');
  const { log, logged } = keepLogLines();
  // A folder of that name: reading fails with EISDIR.
  mkdirSync(file);
  const document = new StoredDocument(file, Names, log);
  await expect(document.openReadable('')).rejects.toMatchObject({ code: 'unavailable' });
  expect(await document.open('the names are lost')).toBeUndefined();
  expect(logged).toMatchObject([['error', 'the names are lost', { file }]]);
  expect([existsSync(file), existsSync(`${file}.damaged`)]).toEqual([true, false]);
  await document.save(() => ({ names: ['a'] }));
  rmdirSync(`${file}.damaged`);
  expect(await document.open('')).toEqual({ names: ['a'] });
});

test('an unreadable file that cannot be replaced stays as it was', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'names.json');
  mkdirSync(file);
  const document = new StoredDocument(file, Names);
  await document.open('');
  // JSON has no circles.
  const circle: unknown[] = [];
  circle.push(circle);
  await expect(document.save(() => ({ names: circle as string[] }))).rejects.toThrow();
  expect([existsSync(file), existsSync(`${file}.damaged`)]).toEqual([true, false]);
  await document.save(() => ({ names: ['a'] }));
  expect(existsSync(`${file}.damaged`)).toBe(true);
});

test('a damaged file that cannot be renamed is not overwritten', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'names.json');
  writeFileSync(file, '{');
  mkdirSync(join(`${file}.damaged`, 'kept'), { recursive: true });
  const document = new StoredDocument(file, Names);
  expect(await document.open('')).toBeUndefined();
  await expect(document.save(() => ({ names: ['a'] }))).rejects.toMatchObject({ code: 'unavailable' });
  expect(readFileSync(file, 'utf8')).toBe('{');
});

test('a file that was unreadable once and was read since is replaced in place', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'names.json');
  mkdirSync(file);
  const document = new StoredDocument(file, Names);
  await document.open('');
  rmdirSync(file);
  writeFileSync(file, '{"names":["a"]}');
  expect(await document.open('')).toEqual({ names: ['a'] });
  await document.save(() => ({ names: ['b'] }));
  expect(existsSync(`${file}.damaged`)).toBe(false);
});

test('after an unreadable file was deleted, values are saved again', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'names.json');
  mkdirSync(file);
  const document = new StoredDocument(file, Names);
  await document.open('');
  rmdirSync(file);
  await document.save(() => ({ names: ['a'] }));
  expect(await document.load()).toEqual({ names: ['a'] });
});

test('saves that wait become one, which writes the last value, also after a removal', async () => {
  using folder = temporaryFolder();
  const document = new StoredDocument(join(folder.path, 'names.json'), Names);
  let written = 0;
  const saves = ['a', 'b', 'c'].map((name) =>
    document.save(() => {
      written += 1;
      return { names: [name] };
    }),
  );
  await Promise.all(saves);
  expect([written, await document.load()]).toEqual([1, { names: ['c'] }]);
  const all = [document.save(() => ({ names: ['d'] })), document.remove()];
  await Promise.all([...all, document.save(() => ({ names: ['e'] }))]);
  expect(await document.load()).toEqual({ names: ['e'] });
  await document.remove();
  expect(existsSync(document.file)).toBe(false);
});
