import { existsSync, writeFileSync } from 'node:fs';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { place } from '../../../test/support/harness/config-place.ts';
import { copyOf } from '../file/file.ts';
import { type Caller, collectUnsaved } from './unsaved-changes.ts';

const OWN = 'perch: own\n# mine\npaths: {}\n';
const HALF_BYTES = 20;

/** A file that is a mount by itself: it cannot be replaced, only overwritten. */
const disk = {
  mounted: '',
  /** Error code of opening the file for writing. */
  isClosed: '',
  /** Writes of it that fail half-way because the disk is full. */
  fullTimes: 0,
  /** Error code of writing its journal. */
  journal: '',
};
const usual = { ...disk };

/** Patched here rather than by `vi.mock`, which does not reach modules that another test has loaded. */
const real = { open: files.open, rename: files.rename };

const failure = (code: string) => Object.assign(new Error(code), { code });

beforeAll(() => {
  files.open = async (file, flags, ...more) => {
    const name = String(file);
    if (disk.journal !== '' && name.endsWith('.journal.new')) {
      throw failure(disk.journal);
    }
    if (disk.isClosed !== '' && name === disk.mounted && flags === 'r+') {
      throw failure(disk.isClosed);
    }
    const handle = await real.open(file, flags, ...more);
    if (name === disk.mounted) {
      const write = handle.write.bind(handle);
      handle.write = (async (bytes: Uint8Array, from: number, length: number, at: number) => {
        if (disk.fullTimes > 0) {
          await write(bytes, from, Math.min(length, HALF_BYTES * disk.fullTimes), at);
          disk.fullTimes -= 1;
          throw failure('ENOSPC');
        }
        return write(bytes, from, length, at);
      }) as typeof handle.write;
    }
    return handle;
  };
  files.rename = async (from, to) => {
    if (String(to) === disk.mounted) {
      throw failure('EBUSY');
    }
    await real.rename(from, to);
  };
  syncBuiltinESMExports();
});
afterEach(() => void Object.assign(disk, usual));
afterAll(() => {
  Object.assign(files, real);
  syncBuiltinESMExports();
});

function mounted() {
  const found = place();
  const file = found.write('etc/my.yml', OWN);
  disk.mounted = file;
  return { ...found, file, journal: copyOf(file, found.dataDir, 'journal') };
}

const add = (name: string) => [{ keyPath: ['paths', name], value: { record: false } }];
const encoded = (text: string) => Buffer.from(text).toString('base64');

test('a reload on a full disk keeps the changes that could not be saved, and a later one saves them', async () => {
  const { open, file, read, logged } = mounted();
  const store = await open(file);
  disk.isClosed = 'EROFS';
  await store.edit(add('a'));
  expect(store.unsaved?.message).toMatch(/^mounted read-only, /);
  Object.assign(disk, { isClosed: '', fullTimes: 1 });
  expect(await store.reload()).toBe(true);
  expect([...store.current.paths.keys()]).toEqual(['a']);
  expect([read('etc/my.yml'), store.unsaved !== undefined]).toEqual([OWN, true]);
  expect(logged.map(({ msg }) => msg)).toContain('changes of the configuration are still not saved');
  expect(await store.reload()).toBe(true);
  expect([read('etc/my.yml'), store.unsaved]).toEqual([store.textInForce, undefined]);
});

test('a change that is in effect already and not saved is said to be so each time', async () => {
  const { open, file } = mounted();
  const store = await open(file);
  disk.isClosed = 'EROFS';
  const change = async (work: () => Promise<void>) => {
    const caller: Caller = {};
    await new Promise<void>((resolve, reject) => collectUnsaved(caller, () => work().then(resolve, reject)));
    return caller.problem !== undefined;
  };
  expect(await change(() => store.edit(add('a')))).toBe(true);
  expect(await change(() => store.edit(add('a')))).toBe(true);
  expect(await change(() => store.edit([]))).toBe(false);
  disk.isClosed = '';
  await store.reload();
  expect(await change(() => store.edit(add('a')))).toBe(false);
});

test('a write that fails half-way leaves the former text, and no journal', async () => {
  const { open, file, read, journal } = mounted();
  const store = await open(file);
  disk.fullTimes = 1;
  await expect(store.edit(add('a'))).rejects.toThrow(`cannot write ${file}`);
  expect([read('etc/my.yml'), existsSync(journal), store.current.paths.size]).toEqual([OWN, false, 0]);
});

test('a write that can neither be finished nor undone is undone by the next one', async () => {
  const { open, file, read, journal } = mounted();
  const store = await open(file);
  await store.edit([{ keyPath: ['logLevel'], value: 'warn' }]);
  const before = read('etc/my.yml');
  disk.fullTimes = 2;
  await expect(
    store.replace(({ text }) => text.replace('# mine', '# a much longer comment of mine'), undefined),
  ).rejects.toThrow(`cannot write ${file}`);
  expect([read('etc/my.yml') === before, existsSync(journal)]).toEqual([false, true]);
  expect(await store.reload()).toBe(true);
  expect((await store.refresh()).text).toBe(before);
  await store.edit(add('a'));
  expect([read('etc/my.yml'), existsSync(journal)]).toEqual([store.textInForce, false]);
  expect(store.textInForce).toMatch(/# mine\n.*a:/s);
});

test('a start with an interrupted write that cannot be undone uses the former text, and the journal stays', async () => {
  const { open, file, read, write, journal, logged } = mounted();
  const next = OWN.replace('# mine', '# the text that the power cut interrupted');
  const mixed = next.slice(0, HALF_BYTES) + OWN.slice(HALF_BYTES);
  writeFileSync(file, mixed);
  write('data/mark', '');
  writeFileSync(journal, JSON.stringify({ former: encoded(OWN), next: encoded(next) }));
  disk.isClosed = 'EROFS';
  const store = await open(file);
  expect([store.textInForce, read('etc/my.yml'), existsSync(journal)]).toEqual([OWN, mixed, true]);
  expect(logged.map(({ msg }) => msg)).toContain(
    'the last change of the configuration was interrupted and cannot be undone',
  );
  await store.edit(add('a'));
  disk.isClosed = '';
  await store.edit(add('b'));
  expect(read('etc/my.yml')).toMatch(/# mine\n.*a:.*b:/s);
  expect([store.unsaved, existsSync(journal)]).toEqual([undefined, false]);
});

test.for([
  ['EACCES', /^no permission to write, .*: let the user \d+ of Perch write the data folder /],
  ['EROFS', /^the data folder .* is mounted read-only, .*: mount the data folder .* writable$/],
] as const)('a data folder that takes no journal (%s) is named as the remedy', async ([code, message]) => {
  const { open, file, read, dataDir } = mounted();
  const store = await open(file);
  disk.journal = code;
  await store.edit(add('a'));
  expect(store.unsaved?.message).toMatch(message);
  expect(store.unsaved?.message).toContain(dataDir);
  expect([read('etc/my.yml'), [...store.current.paths.keys()]]).toEqual([OWN, ['a']]);
});

test('a full data folder refuses the change, and the error names the journal', async () => {
  const { open, file, journal } = mounted();
  const store = await open(file);
  disk.journal = 'ENOSPC';
  await expect(store.edit(add('a'))).rejects.toThrow(`cannot write ${journal}`);
  expect(store.unsaved).toBeUndefined();
});
