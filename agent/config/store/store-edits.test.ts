import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { place } from '../../../test/support/harness/config-place.ts';
import type { Config } from '../load/load.ts';
import { problemText } from '../yaml/problem.ts';

const DEBUG = 20;
const GOOD = 'perch: own\napi: no # mine\n';

test('several values are validated as a whole, written once and applied once', async () => {
  const { open, write, read } = place();
  write('perch.yml', `${GOOD}paths:\n  a: # the door\n    record: no\n`);
  const store = await open();
  const seen: Config[] = [];
  store.onChange((config) => seen.push(config));
  const wrong = [
    { keyPath: ['paths', 'a', 'record'], value: true },
    { keyPath: ['paths', 'a', 'maxReaders'], value: -1 },
  ];
  await expect(store.edit(wrong)).rejects.toThrow('paths.a.maxReaders');
  expect(seen).toEqual([]);
  // Either change alone is invalid: recordings must be kept at least as long as a segment lasts.
  await store.edit([
    { keyPath: ['paths', 'a', 'recordSegmentDuration'], value: '2h' },
    { keyPath: ['paths', 'a', 'recordDeleteAfter'], value: '3h' },
    { keyPath: ['paths', 'b'], value: { record: true } },
  ]);
  expect(seen).toHaveLength(1);
  expect(read('perch.yml')).toBe(
    `${GOOD}paths:\n  a: # the door\n    record: no\n    recordSegmentDuration: 2h\n    recordDeleteAfter: 3h\n  b:\n    record: true\n`,
  );
});

test('an edit that changes nothing writes and reports nothing', async () => {
  const { open, write, cwd } = place();
  write('perch.yml', GOOD);
  const store = await open();
  const { mtimeMs, ino } = statSync(join(cwd, 'perch.yml'));
  store.onChange(() => expect.unreachable());
  await store.edit([{ keyPath: ['api'], value: false }]);
  await store.edit([]);
  expect(statSync(join(cwd, 'perch.yml'))).toMatchObject({ mtimeMs, ino });
});

test('a path that became invalid in the file keeps its settings when another one is edited', async () => {
  const { open, write } = place();
  write('perch.yml', 'paths: {a: {record: yes}, "~^b": {record: yes}}\n');
  const store = await open();
  write('perch.yml', 'paths: {a: {record: perhaps}, "~^b": {record: perhaps}}\n');
  expect(await store.reload()).toBe(false);
  await store.edit([{ keyPath: ['paths', 'c'], value: null }]);
  expect([...store.current.paths.values()].map(({ name, settings }) => [name, settings?.record])).toEqual([
    ['a', 'always'],
    ['~^b', 'always'],
    ['c', 'no'],
  ]);
  expect(store.current.patterns).toEqual([store.current.paths.get('~^b')]);
  expect(store.problems.filter(({ severity }) => severity === 'error')).toHaveLength(2);
});

test('while the file is invalid as a whole an edit of another key is written and takes effect, also at the next start', async () => {
  const { open, write, read } = place();
  write('perch.yml', 'hls: yes # mine\napi: no\n');
  const store = await open();
  write('perch.yml', 'hls: maybe # mine\napi: no\n');
  await store.reload();
  await store.edit([{ keyPath: ['api'], value: true }]);
  expect(read('perch.yml')).toBe('hls: maybe # mine\napi: true\n');
  expect(store.current).toMatchObject({ hls: true, api: true });
  expect(store.problems.map(problemText)).toContain("perch.yml:1: hls: 'maybe' is not yes or no");
  await expect(store.edit([{ keyPath: ['webrtc'], value: 'perhaps' }])).rejects.toThrow("webrtc: 'perhaps' is not yes");
  expect((await open()).current).toMatchObject({ hls: true, api: true });
  await store.edit([{ keyPath: ['hls'], value: false }]);
  expect(store.current).toMatchObject({ hls: false, api: true });
  expect(store.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
});

test('a file that is not YAML must be repaired by hand', async () => {
  const { open, write, read } = place();
  write('perch.yml', 'hls: yes\n');
  const store = await open();
  write('perch.yml', 'hls: [\n');
  await store.reload();
  const refusal = 'repair the configuration file before changing settings: line';
  await expect(store.edit([{ keyPath: ['api'], value: true }])).rejects.toThrow(refusal);
  expect(read('perch.yml')).toBe('hls: [\n');
});

test('changes are logged with their author, and new warnings as well', async () => {
  const { open, write, logged } = place();
  write('perch.yml', 'paths: {front: {source: "rtsp://me:secret@h/1"}}\n');
  const store = await open();
  logged.length = 0;
  write('perch.yml', 'hls: no\npaths: {front: {source: "rtsp://me:hunter2@h/1", record: yes}}\n');
  await store.reload();
  await store.edit([{ keyPath: ['paths', 'front', 'foo'], value: 'no' }]);
  expect(logged).toMatchObject([
    { msg: 'configuration read', file: 'perch.yml' },
    { msg: 'configuration changed', change: 'hls switched off', keys: ['hls'], by: 'file' },
    {
      msg: 'configuration changed',
      path: 'front',
      change: 'source changed; recording switched on',
      keys: ['source', 'record'],
      by: 'file',
    },
    { level: 40, at: 'perch.yml:2: paths.front.foo: unknown key' },
  ]);
  expect(JSON.stringify(logged)).not.toMatch(/secret|hunter2/);
});

test('a change of the defaults is one line in the log', async () => {
  const { open, write, logged } = place();
  write('perch.yml', `paths: {${Array.from({ length: 24 }, (_, i) => `cam${i}: `).join(', ')}}\n`);
  const store = await open();
  logged.length = 0;
  await store.edit([{ keyPath: ['pathDefaults', 'recordPath'], value: '/mnt/b/%path/%s%f' }]);
  const warnings = logged.filter(({ level }) => level > DEBUG);
  expect(warnings).toMatchObject([{ msg: 'configuration changed', keys: ['pathDefaults.recordPath'] }]);
  expect(store.current.paths.get('cam23')?.settings?.recordPath).toBe('/mnt/b/%path/%s%f');
});

test('a value with a warning is logged once', async () => {
  const { open, write, logged } = place();
  write('perch.yml', 'hlsVariant: lowLatency\n');
  const store = await open();
  logged.length = 0;
  await store.edit([{ keyPath: ['hlsSegmentCount'], value: 5 }]);
  expect(logged).toMatchObject([{ level: 40, at: expect.stringMatching(/hlsSegmentCount: '5' is too few/) }]);
  logged.length = 0;
  await store.edit([{ keyPath: ['hlsSegmentCount'], value: 8 }]);
  expect(logged).toMatchObject([{ change: 'hlsSegmentCount is 8 now' }]);
});
