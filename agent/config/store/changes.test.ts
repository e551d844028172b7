import { expect, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { type Config, parseConfig } from '../load/load.ts';
import { changesBetween } from './changes.ts';

function load(text: string): Config {
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/d/%path/%s%f', cwd: '/', keys: KEYS });
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}

const changed = (before: string, after: string) => changesBetween(load(before), load(after));

test('changes of a path are described with their keys, without secrets', () => {
  const before = 'paths: {front: {source: "rtsp://me:old@h/1"}}';
  const after = 'paths: {front: {source: "rtsp://me:hunter2@h/1", record: yes, camera: {password: hunter2}}}';
  expect(changed(before, after)).toEqual([
    {
      path: 'front',
      words: 'source changed; recording switched on; camera changed',
      keys: ['source', 'record', 'camera'],
    },
  ]);
  expect(JSON.stringify(changed(before, after))).not.toContain('hunter2');
});

test.for([
  ['paths: {a: {record: yes}}', 'paths: {a: {record: motion}}', 'recording around events only'],
  ['paths: {a: {record: yes}}', 'paths: {a: {}}', 'recording switched off'],
  ['hls: yes', 'hls: no', 'hls switched off'],
  ['readTimeout: 10s', 'readTimeout: 1m30s', 'readTimeout is 1m30s now'],
  ['hlsSegmentMaxSize: 1M', 'hlsSegmentMaxSize: 50M', 'hlsSegmentMaxSize is 50M now'],
  ['paths: {a: {recordDeleteAfter: 1d}}', 'paths: {a: {recordDeleteAfter: 0s}}', 'recordDeleteAfter is 0s now'],
  ['logLevel: info', 'logLevel: debug', 'logLevel is debug now'],
  ['hlsCDNSecret: aa', 'hlsCDNSecret: bb', 'hlsCDNSecret changed'],
  ['authInternalUsers: []', 'authInternalUsers: [{user: a, pass: b}]', 'authInternalUsers changed'],
  ['paths:', 'paths: {a: }', 'added'],
  ['paths: {a: }', 'paths:', 'removed'],
  ['paths: {a: }', 'paths: {a: {record: perhaps}}', 'disabled: invalid in the file'],
  ['paths: {a: {record: perhaps}}', 'paths: {a: }', 'valid again'],
  [
    'perch: own\napi: no\nplayback: no\nmetrics: no\nrtmp: yes\ntlsAddress: ""\nrtspAuthMethods: [basic]\nrecordMinFree: 0%\nauthInternalUsers: []\npathDefaults: {recordDeleteAfter: 1d}',
    'srt: no\nauthInternalUsers: []',
    'this is no longer',
  ],
] as const)('from %s to %s: %s', ([before, after, words]) => {
  expect(changed(before, after)).toEqual([expect.objectContaining({ words: expect.stringContaining(words) })]);
});

test('a changed default is reported once, and as inherited at each path', () => {
  const paths = 'paths: {a: , b: {record: yes}}';
  expect(changed(paths, `pathDefaults: {record: yes}\n${paths}`)).toEqual([
    { words: 'pathDefaults: recording switched on', keys: ['pathDefaults.record'] },
    { path: 'a', words: 'recording switched on', keys: ['record'], isInherited: true },
  ]);
});

test("a path's own value set while a default changes is not inherited", () => {
  const after = 'pathDefaults: {record: yes}\npaths: {a: {record: motion}, b: {source: "rtsp://h/1"}}';
  expect(changed('paths: {a: , b: }', after)).toEqual([
    { words: 'pathDefaults: recording switched on', keys: ['pathDefaults.record'] },
    { path: 'a', words: 'recording around events only', keys: ['record'] },
    { path: 'b', words: 'source changed; recording switched on', keys: ['source', 'record'] },
  ]);
});

test('the counted paths of a changed default are inherited, too', () => {
  const paths = `paths: {${Array.from({ length: 25 }, (_, i) => `cam${i}:`).join(', ')}}`;
  const [first, ...rest] = changed(paths, `pathDefaults: {record: yes}\n${paths}`);
  expect(first).not.toHaveProperty('isInherited');
  expect(rest.filter(({ isInherited }) => isInherited)).toHaveLength(21);
});

test('twenty of many changed paths are reported and the others counted', () => {
  const names = Array.from({ length: 25 }, (_, i) => `cam${i}:`);
  const changes = changed('paths:', `paths: {${names.join(', ')}}`);
  expect(changes).toHaveLength(21);
  expect(changes.at(-1)).toEqual({ words: '5 more paths changed', keys: [] });
});

test('a file with other comments and the same values has no changes', () => {
  expect(changed('hls: yes', '# mine\nhls: on')).toEqual([]);
});
