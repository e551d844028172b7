import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { growing, type HealthChecks, recordingsIn, watchNewVersion } from './watch.ts';

const FOLDERS = ['/srv/door'];

/** @param at what can be seen at a second */
async function watched(at: (second: number) => { pid: number; isWell?: boolean; bytes?: number }, folders = FOLDERS) {
  const clock = new FakeClock();
  const now = () => at(Math.round(clock.monoMs() / 1_000));
  const checks: HealthChecks = {
    mainPid: async () => now().pid,
    isHealthy: async () => now().isWell ?? true,
    isAnswering: async () => true,
    recordings: () => new Map([['/srv/door/1.mp4', now().bytes ?? 0]]),
  };
  let isOver = false;
  const watching = watchNewVersion(checks, { host: '127.0.0.1', port: 80, folders }, clock).finally(() => {
    isOver = true;
  });
  let seconds = 0;
  while (!isOver && seconds < 100) {
    await clock.advance(1_000);
    seconds += 1;
  }
  return { fault: await watching, seconds };
}

test('a version that is well five times in a row and records is good', async () => {
  const { fault, seconds } = await watched((second) => ({ pid: 7, bytes: second }));
  expect(fault).toBeUndefined();
  expect(seconds).toBe(6);
});

test('a version that reports late is good, too', async () => {
  expect(await watched((second) => ({ pid: second > 40 ? 7 : 0, bytes: second }))).toMatchObject({ fault: undefined });
});

test.for([
  ['notStarted', 'never runs', () => ({ pid: 0 })],
  ['unhealthy', 'says that it is not', () => ({ pid: 7, isWell: false })],
  ['unhealthy', 'ends every three seconds', (second: number) => ({ pid: 1 + Math.floor(second / 3), bytes: second })],
  ['notRecording', 'records nothing', () => ({ pid: 7, bytes: 1_000 })],
  ['notRecording', 'deletes what was recorded', (second: number) => ({ pid: 7, bytes: 1_000 - second })],
] as const)('%s is the word for a version that %s', async ([why, , at]) => {
  expect(await watched(at)).toMatchObject({ fault: { why }, seconds: 60 });
});

test('recordings are found by their ends, in folders below, not through links', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-watch-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'door/2026'), { recursive: true });
  const file = join(folder, 'door/2026/1.mp4');
  writeFileSync(file, 'abc');
  writeFileSync(join(folder, 'door/notes.json'), '{}');
  symlinkSync(file, join(folder, 'door/2.mp4'));
  symlinkSync('/', join(folder, 'door/root'));
  expect(recordingsIn([join(folder, 'door')])).toEqual(new Map([[file, 3]]));
  appendFileSync(file, 'd');
  expect(recordingsIn([join(folder, 'door'), join(folder, 'none')])).toEqual(new Map([[file, 4]]));
});

test('folders in which something is being recorded are those whose files grow or are new, each for itself', async () => {
  const clock = new FakeClock();
  const seconds = () => Math.round(clock.monoMs() / 1_000);
  const recordings = () =>
    new Map([
      ['/srv/door/1.mp4', seconds()],
      ['/srv/door2/1.mp4', 7],
      ...(seconds() > 8 ? [['/srv/yard/2.mp4', 1] as const] : []),
    ]);
  const folders = ['/srv/door', '/srv/door2', '/srv/yard', '/srv/away'];
  const found = growing({ recordings }, folders, clock);
  for (let second = 0; second < 15; second += 1) {
    await clock.advance(1_000);
  }
  expect(await found).toEqual(['/srv/door', '/srv/yard']);
  expect(seconds()).toBe(15);
  expect(await growing({ recordings }, [], clock)).toEqual([]);
});
