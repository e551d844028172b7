import { expect, test } from 'vitest';
import { parseChoice, writeChoice } from './choice.ts';
import { confirmSystem, pageIn } from './confirm.ts';
import type { Place } from './write-system.ts';

const none: Place = { sizeBytes: 0, read: async () => {}, write: async () => {}, sync: async () => {} };

/** @param pidAt of Perch, by seconds; 0: none @param isHealthyAt by seconds */
async function confirm(pidAt: (s: number) => number, isHealthyAt: (s: number) => boolean, running: 'a' | 'b' = 'b') {
  let sector: Uint8Array = writeChoice({ system: 'a' });
  const choice: Place = {
    sizeBytes: 512,
    read: async (bytes) => bytes.set(sector),
    write: async (bytes) => {
      sector = Uint8Array.from(bytes);
    },
    sync: async () => {},
  };
  let nowMs = 0;
  const isGood = await confirmSystem({
    disk: { choice, systems: { a: none, b: none } },
    running,
    clock: {
      monoMs: () => nowMs,
      sleep: async (ms) => {
        nowMs += ms;
      },
    },
    mainPid: async () => pidAt(nowMs / 1_000),
    isHealthy: async () => isHealthyAt(nowMs / 1_000),
  });
  return { isGood, choice: parseChoice(sector), s: nowMs / 1_000 };
}

test('a system becomes the choice when Perch was healthy for five minutes', async () => {
  expect(
    await confirm(
      () => 7,
      () => true,
    ),
  ).toEqual({ isGood: true, choice: { system: 'b' }, s: 300 });
});

test('a pause begins the five minutes again', async () => {
  const { isGood, s } = await confirm(
    () => 7,
    (at) => at < 200 || at > 220,
  );
  expect(isGood).toBe(true);
  expect(s).toBe(520);
});

test.for([
  ['does not start', (): number => 0, (): boolean => false],
  ['is not healthy', (): number => 7, (): boolean => false],
  ['restarts again and again', (s: number): number => 7 + Math.floor(s / 60), (): boolean => true],
] as const)('where Perch %s the former system stays the choice', async ([, pidAt, isHealthyAt]) => {
  expect(await confirm(pidAt, isHealthyAt)).toEqual({ isGood: false, choice: { system: 'a' }, s: 900 });
});

test('the system that is the choice is not watched', async () => {
  expect(
    await confirm(
      () => 0,
      () => false,
      'a',
    ),
  ).toEqual({ isGood: true, choice: { system: 'a' }, s: 0 });
});

test.for([
  ['port 80\nok the clock is set\n', { host: '127.0.0.1', port: 80 }],
  ['host 192.168.1.5\nport 8080\n', { host: '192.168.1.5', port: 8080 }],
  ['host fd00::5\nport 8080\n', { host: 'fd00::5', port: 8080 }],
  ['bad the page has no port: see perch logs\n', undefined],
  ['', undefined],
] as const)('the page of the report %j is at %j', ([report, page]) => {
  expect(pageIn(report)).toEqual(page);
});
