import { mkdirSync, readdirSync, renameSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { place } from '../../../test/support/harness/config-place.ts';
import { systemClock } from '../../base/clock.ts';
import type { Config } from '../load/load.ts';
import { problemText } from '../yaml/problem.ts';
import type { ConfigStore } from './store.ts';

const GOOD = 'perch: own\napi: no # mine\n';
const nextChange = (store: ConfigStore) => new Promise<Config>((resolve) => store.onChange(resolve));

test("without a file Perch's defaults apply, and nothing is written", async () => {
  const { open, dataDir, cwd } = place();
  const store = await open();
  expect(store.file).toBeUndefined();
  expect(store.current).toMatchObject({ isOwn: true, api: true });
  expect(store.current.pathDefaults.recordPath).toBe(join(dataDir, 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f'));
  expect(readdirSync(cwd)).toEqual([]);
});

test('a file is searched in the working directory, then in the data folder', async () => {
  const { open, write } = place();
  const own = write('data/perch.yml', GOOD);
  expect((await open()).file).toBe(own);
  const near = write('perch.yml', 'hls: no');
  expect((await open()).file).toBe(near);
});

test('a file named on the command line must exist', async () => {
  const { open, write } = place();
  await expect(open('my.yml')).rejects.toThrow('the configuration file my.yml does not exist');
  write('my.yml', 'hls: no');
  expect((await open('my.yml')).current.hls).toBe(false);
});

test('at the start an invalid file is replaced by its last good version, with one error line', async () => {
  const { open, write, logged } = place();
  write('perch.yml', 'hls: no');
  await open();
  write('perch.yml', 'hls: maybe');
  const store = await open();
  expect(store.current.hls).toBe(false);
  expect(store.problems.map(problemText)).toContain("perch.yml:1: hls: 'maybe' is not yes or no");
  expect(logged.filter(({ level }) => level >= 50)).toMatchObject([
    {
      problem: "perch.yml:1: hls: 'maybe' is not yes or no",
      msg: 'invalid configuration file, using its last good version',
    },
  ]);
});

test('without a good version an invalid file ends the start, and the error has its line', async () => {
  const { open, write } = place();
  write('perch.yml', 'api: no\nhls: maybe');
  await expect(open()).rejects.toThrow("perch.yml:2: hls: 'maybe' is not yes or no");
});

test('the good version of one file does not replace another file', async () => {
  const { open, write } = place();
  write('a/my.yml', 'hls: no');
  await open('a/my.yml');
  write('b/my.yml', 'hls: maybe');
  await expect(open('b/my.yml')).rejects.toThrow("'maybe' is not yes or no");
});

test('a file with one invalid path starts, and does not replace the good version', async () => {
  const { open, write, read } = place();
  write('data/perch.yml', GOOD);
  await open();
  write('data/perch.yml', `${GOOD}paths: {a: {record: perhaps}, b: }`);
  const store = await open();
  expect(store.current.paths.get('a')?.error).toBe("record: 'perhaps' is not one of no, always, motion");
  expect(store.current.paths.get('b')?.settings).toBeDefined();
  expect(read('data/perch.yml.last-good')).toBe(GOOD);
});

test('a reload with any error is rejected, and the next valid one takes effect', async () => {
  const { open, write, logged } = place();
  write('perch.yml', 'hls: no');
  const store = await open();
  const seen: boolean[] = [];
  store.onChange(({ hls }) => seen.push(hls));
  write('perch.yml', 'hls: yes\npaths: {a: {record: perhaps}}');
  expect(await store.reload()).toBe(false);
  expect(store.current.hls).toBe(false);
  expect(store.problems.some(({ message }) => message.includes('perhaps'))).toBe(true);
  expect(logged.at(-1)?.msg).toBe('changed configuration rejected, the previous one stays in effect');
  write('perch.yml', 'hls: yes\npaths: {a: {recrod: yes}}');
  expect(await store.reload()).toBe(false);
  expect(store.current.hls).toBe(false);

  write('perch.yml', 'hls: yes');
  expect(await store.reload()).toBe(true);
  expect(store.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(seen).toEqual([true]);
});

test('when the file is deleted the configuration stays', async () => {
  const { open, write, cwd } = place();
  write('perch.yml', 'hls: no');
  const store = await open();
  unlinkSync(join(cwd, 'perch.yml'));
  expect(await store.reload()).toBe(false);
  expect(store.current.hls).toBe(false);
  expect(store.problems.map(problemText)).toEqual(['perch.yml: the configuration file is missing']);
});

test('when the file becomes empty the configuration stays', async () => {
  const { open, write } = place();
  write('perch.yml', 'hls: no');
  const store = await open();
  write('perch.yml', '\n');
  expect(await store.reload()).toBe(false);
  expect(store.current.hls).toBe(false);
  expect(store.problems.map(problemText)).toEqual(['perch.yml: the configuration file is empty']);
});

test('at the start an empty file, which a power cut may leave, is replaced by its last good version, and stays protected', async () => {
  const { open, write, read } = place();
  write('data/perch.yml', GOOD);
  await open();
  write('data/perch.yml', '');
  for (const _start of [1, 2]) {
    const store = await open();
    expect(store.current).toMatchObject({ isOwn: true, api: false });
    expect(store.problems.map(problemText)).toEqual(['perch.yml: the configuration file is empty']);
  }
  expect(read('data/perch.yml.last-good')).toBe(GOOD);
});

test('an empty file without a good version is as valid as one of comments', async () => {
  const { open, write } = place();
  write('perch.yml', '');
  expect((await open()).current.isOwn).toBe(false);
  expect((await open()).problems.some(({ severity }) => severity === 'error')).toBe(false);
});

test.for([
  ['empty', (file: string) => writeFileSync(file, '')],
  ['missing', unlinkSync],
] as const)('an edit while the file is %s keeps all other settings', async ([, lose]) => {
  const { open, write, read } = place();
  const file = write('data/perch.yml', GOOD);
  const store = await open();
  lose(file);
  await store.edit([{ keyPath: ['paths', 'cam', 'record'], value: true }]);
  expect(store.current).toMatchObject({ isOwn: true, api: false });
  expect(read('data/perch.yml')).toBe(`${GOOD}paths:\n  cam:\n    record: true\n`);
});

test('variables apply after a reload, too', async () => {
  const { open, write } = place();
  write('perch.yml', 'hls: yes');
  const store = await open(undefined, new FakeClock(), { PERCH_HLS: 'no' });
  write('perch.yml', 'hls: yes\napi: yes');
  await store.reload();
  expect(store.current).toMatchObject({ hls: false, api: true });
});

test("the first edit creates Perch's own file in the data folder, readable by its owner only", async () => {
  const { open, read, dataDir } = place();
  const store = await open();
  await store.edit([{ keyPath: ['paths', 'cam', 'source'], value: 'rtsp://me:pw@h/1' }]);
  expect(read('data/perch.yml')).toBe('perch: own\npaths:\n  cam:\n    source: rtsp://me:pw@h/1\n');
  expect(read('data/perch.yml.last-good')).toBe(read('data/perch.yml'));
  expect(statSync(join(dataDir, 'perch.yml')).mode & 0o777).toBe(0o600);
  expect(store.file).toBe(join(dataDir, 'perch.yml'));
  expect(store.current.paths.get('cam')?.settings?.source).toBe('rtsp://me:pw@h/1');
  expect((await open()).current).toMatchObject({ isOwn: true, api: true });
});

test('an invalid edit is rejected with the reason, and nothing is written', async () => {
  const { open, write, read } = place();
  write('perch.yml', GOOD);
  const store = await open();
  await expect(store.edit([{ keyPath: ['hls'], value: 'maybe' }])).rejects.toThrow("hls: 'maybe' is not yes or no");
  await expect(store.edit([{ keyPath: ['paths', 'a', 'record'], value: 'perhaps' }])).rejects.toThrow(
    "paths.a.record: 'perhaps' is not",
  );
  expect(read('perch.yml')).toBe(GOOD);
  expect(store.current.paths.size).toBe(0);
});

test('an invalid path does not prevent edits of others', async () => {
  const { open, write } = place();
  write('perch.yml', 'paths:\n  a: {record: perhaps}\n  b:\n');
  const store = await open();
  await store.edit([{ keyPath: ['paths', 'b', 'record'], value: true }]);
  expect(store.current.paths.get('b')?.settings?.record).toBe('always');
  expect(store.current.paths.get('a')?.error).toBeDefined();
});

test('concurrent edits are all applied in order', async () => {
  const { open, write, read } = place();
  write('perch.yml', GOOD);
  const store = await open();
  const names = ['a', 'b', 'c', 'd', 'e'];
  await Promise.all(names.map((name) => store.edit([{ keyPath: ['paths', name, 'record'], value: true }])));
  expect([...store.current.paths.keys()]).toEqual(names);
  expect(read('perch.yml')).toMatch(/^perch: own\napi: no # mine\npaths:\n {2}a:\n {4}record: true\n/);
});

test('an edit keeps a symbolic link and the mode, and leaves no temporary file', async () => {
  const { open, write, read, cwd } = place();
  const real = write('real/there.yml', GOOD);
  symlinkSync(real, join(cwd, 'perch.yml'));
  const mode = statSync(real).mode;
  const store = await open();
  await store.edit([{ keyPath: ['api'], value: true }]);
  expect(read('real/there.yml')).toBe('perch: own\napi: true # mine\n');
  expect(statSync(real).mode).toBe(mode);
  expect(readdirSync(join(cwd, 'real'))).toEqual(['there.yml']);
});

test('a file that an editor replaces is applied', async () => {
  const { open, write, cwd } = place();
  write('perch.yml', 'hls: yes');
  const store = await open(undefined, systemClock);
  store.watch();
  const change = nextChange(store);
  renameSync(write('.perch.yml.swp', 'hls: no'), join(cwd, 'perch.yml'));
  expect((await change).hls).toBe(false);
});

test('a link that is changed elsewhere, and a file that appears, are found by polling', async () => {
  const { open, write, cwd } = place();
  const clock = new FakeClock();
  const store = await open(undefined, clock);
  store.watch();
  symlinkSync(write('v1/file', 'hls: no'), join(cwd, 'link'));
  const appeared = nextChange(store);
  symlinkSync(join(cwd, 'link'), join(cwd, 'perch.yml'));
  await clock.advance(3_000);
  expect((await appeared).hls).toBe(false);

  const swapped = nextChange(store);
  symlinkSync(write('v2/file', 'hls: yes'), join(cwd, 'link.new'));
  renameSync(join(cwd, 'link.new'), join(cwd, 'link'));
  await clock.advance(3_000);
  expect((await swapped).hls).toBe(true);
});

test('an own edit is applied once, however often the file is checked', async () => {
  const { open, write } = place();
  write('perch.yml', GOOD);
  const clock = new FakeClock();
  const store = await open(undefined, clock);
  store.watch();
  const seen: boolean[] = [];
  store.onChange(({ api }) => seen.push(api));
  await store.edit([{ keyPath: ['api'], value: true }]);
  await clock.advance(9_000);
  await store.edit([{ keyPath: ['api'], value: false }]);
  await clock.advance(9_000);
  await store.reload();
  expect(seen).toEqual([true, false, false]);
});

test('after closing nothing is reported', async () => {
  const { open, write } = place();
  write('perch.yml', GOOD);
  const clock = new FakeClock();
  const store = await open(undefined, clock);
  const seen: boolean[] = [];
  store.onChange(({ api }) => seen.push(api));
  store.watch();
  store.close();
  write('perch.yml', 'api: yes');
  await clock.advance(9_000);
  expect(await store.reload()).toBe(true);
  expect(seen).toEqual([]);
});

test.for([
  ['a folder', (file: string) => mkdirSync(file), 'is not a file'],
  [
    'larger than any configuration',
    (file: string) => writeFileSync(file, '#'.repeat(4_194_305)),
    'the limit is 4194304',
  ],
] as const)('%s is not a configuration file', async ([, make, message]) => {
  const { open, cwd } = place();
  make(join(cwd, 'perch.yml'));
  await expect(open()).rejects.toThrow(message);
});

test('a reload of an inaccessible file is rejected with the reason', async () => {
  const { cwd, logged, open } = place();
  const store = await open();
  symlinkSync('perch.yml', join(cwd, 'perch.yml'));
  expect(await store.reload()).toBe(false);
  expect(logged.at(-1)?.problem).toContain(`cannot inspect ${join(cwd, 'perch.yml')}`);
});
