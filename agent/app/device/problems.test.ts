import { expect, test } from 'vitest';
import type { HardwareFault } from './hardware-watch.ts';
import { type ProblemFacts, type ProblemPath, problemsOf } from './problems.ts';

const SINCE = '2026-01-01T11:00:00Z';
const SINCE_MS = '2026-01-01T11:00:00.000Z';
const path = (name: string, more: Partial<ProblemPath> = {}): ProblemPath => ({
  ...{ name, configError: null, ready: true, sourceState: 'running', offlineSince: null },
  ...{ lastError: 'connection refused', lastErrorWhy: 'refuses', recording: null, leftOut: null },
  ...more,
});
const offline = { ready: false, offlineSince: SINCE } as const;
const facts = (more: Partial<ProblemFacts> = {}): ProblemFacts => ({
  configuration: [],
  isClockTrusted: true,
  hardware: [],
  disks: [{ folder: '/rec', state: 'ok', error: null, since: SINCE }],
  paths: [path('door')],
  features: [],
  ...more,
});
const fault = (why: HardwareFault['why'], text: string, name: string | null = null): HardwareFault => ({
  ...{ why, text, name, sinceMs: Date.parse(SINCE) },
});

test('a healthy box has none: errors of a former connection do not count', () => {
  expect(problemsOf(facts())).toEqual([]);
});

test.for([
  ['warnings of the configuration', { configuration: [{ severity: 'warn', file: 'a.yml', key: 'b', message: 'c' }] }],
  ['a camera on demand without readers', { paths: [path('door', { ...offline, sourceState: 'stopped' })] }],
  ['the first connection', { paths: [path('door', { ...offline, sourceState: 'running', lastError: null })] }],
  ['the pause before it', { paths: [path('door', { ...offline, sourceState: 'waiting', lastError: null })] }],
  [
    'a recording without an error',
    { paths: [path('door', { recording: { active: true, error: null, why: null, since: SINCE } })] },
  ],
] as const)('no problem: %s', ([, more]) => {
  expect(problemsOf(facts(more))).toEqual([]);
});

test('problems of the machine come first, then those of disks and paths', () => {
  const all = problemsOf(
    facts({
      configuration: [
        { severity: 'error', file: 'my.yml', line: 12, key: 'hls', message: "'maybe' is not yes or no" },
        { severity: 'error', file: 'my.yml', key: '', message: 'the file is empty' },
      ],
      isClockTrusted: false,
      hardware: [fault('underVoltage', 'low voltage'), fault('swap', 'full'), fault('failing', 'SMART', '/dev/sda')],
      disks: [{ folder: '/rec', state: 'vanished', error: 'the disk is gone', since: SINCE }],
      paths: [
        path('door', { ...offline, sourceState: 'waiting' }),
        path('gate', { ready: false, sourceState: 'disabled', configError: 'source: not a URL', lastError: null }),
        path('yard', { recording: { active: false, error: 'the disk is full', why: 'diskFull', since: SINCE } }),
      ],
    }),
  );
  expect(all.map(({ kind, name, why, text, since }) => [kind, name, why, text, since])).toEqual([
    ['configuration', 'hls', null, "my.yml:12: hls: 'maybe' is not yes or no", null],
    ['configuration', null, null, 'my.yml: the file is empty', null],
    ['clock', null, null, 'the time is not known', null],
    ['power', null, 'underVoltage', 'low voltage', SINCE_MS],
    ['memory', null, 'swap', 'full', SINCE_MS],
    ['drive', '/dev/sda', 'failing', 'SMART', SINCE_MS],
    ['disk', '/rec', 'vanished', 'the disk is gone', SINCE],
    ['path', 'door', 'refuses', 'connection refused', SINCE],
    ['path', 'gate', null, 'source: not a URL', null],
    ['recording', 'yard', 'diskFull', 'the disk is full', SINCE],
  ]);
});

test('a camera that is off stays a problem while Perch connects to it, which takes most of the time', () => {
  const all = problemsOf(facts({ paths: [path('door', { ...offline, sourceState: 'running' })] }));
  expect(all).toMatchObject([{ kind: 'path', name: 'door', why: 'refuses', since: SINCE }]);
});

test('a track that does not deliver is a problem of its path', () => {
  const leftOut = 'PCMU: packets of payload type 111, which its description does not have';
  expect(problemsOf(facts({ paths: [path('door', { leftOut })] }))).toMatchObject([
    { kind: 'path', name: 'door', why: 'leftOut', text: leftOut },
  ]);
});
