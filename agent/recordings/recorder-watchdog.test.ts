import { beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import { RecorderWatchdog, type WatchdogPath } from './recorder-watchdog.ts';

const FILE = '/mnt/usb/perch/door/now.mp4';
const LONG_MS = 20 * 60_000;

let clock: FakeClock;
/** State at the next check. */
let now: { sizeBytes: number; partMs: number; isHeldUp: boolean; isOpen: boolean; path: WatchdogPath };
let end: AbortController;
let pulse: RecorderWatchdog;
beforeEach(() => {
  clock = new FakeClock();
  end = new AbortController();
  now = {
    ...{ sizeBytes: 1_000, partMs: 1_000, isHeldUp: false, isOpen: true },
    path: { name: 'door', bytesReceived: 0, recording: { error: null, why: null } },
  };
  pulse = new RecorderWatchdog({
    ...{ clock, log: silentLogger },
    files: () => (now.isOpen ? [{ path: 'door', file: FILE, partMs: now.partMs }] : []),
    isHeldUp: () => now.isHeldUp,
    sizeOf: async () => now.sizeBytes,
  });
  pulse.begin(end.signal, () => [now.path]);
});

const RECEIVES = () => {
  now.path = { ...now.path, bytesReceived: now.path.bytesReceived + 100_000 };
};

/** Advances the clock by `ms`, and calls `change` once a second. */
async function goOn(ms: number, change: () => void): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    change();
    await clock.advance(1_000);
  }
}

test('a recorder that writes is not stalled', async () => {
  await goOn(LONG_MS, () => {
    RECEIVES();
    now.sizeBytes += 100_000;
  });
  expect(pulse.dead).toEqual([]);
});

test('a recorder that stops writing while its camera sends is stalled after 90 seconds', async () => {
  await goOn(LONG_MS, () => {
    RECEIVES();
    now.sizeBytes += 100_000;
  });
  await goOn(80_000, RECEIVES);
  expect(pulse.dead).toEqual([]);
  await goOn(40_000, RECEIVES);
  expect(pulse.dead).toEqual(['door']);
  now.sizeBytes += 1;
  await goOn(20_000, RECEIVES);
  expect(pulse.dead).toEqual([]);
});

test('a recorder that failed by a bug is stalled, but not soon after a start, which would repeat endlessly', async () => {
  now.isOpen = false;
  now.path = { ...now.path, recording: { error: 'the recorder has ended', why: 'fault' } };
  await goOn(9 * 60_000, RECEIVES);
  expect(pulse.dead).toEqual([]);
  await goOn(2 * 60_000, RECEIVES);
  expect(pulse.dead).toEqual(['door']);
});

test.for([
  ['whose camera is away', () => {}],
  ['whose disk hangs', () => RECEIVES(), () => ({ isHeldUp: true })],
  ['that has no file open', () => RECEIVES(), () => ({ isOpen: false })],
  [
    'whose disk is full',
    () => RECEIVES(),
    () => ({ path: { ...now.path, recording: { error: 'the disk is full', why: 'disk' } } }),
  ],
  ['whose path is not to be recorded', () => RECEIVES(), () => ({ path: { ...now.path, recording: null } })],
  ['whose parts are ten minutes long', () => RECEIVES(), () => ({ partMs: 600_000 })],
] as [string, () => void, (() => Partial<typeof now>)?][])('a recorder %s is not dead', async ([, change, state]) => {
  now = { ...now, ...state?.() };
  await goOn(LONG_MS, change);
  expect(pulse.dead).toEqual([]);
});

test('a disk that does not report a file size starts no second check, and no recorder is stalled', async () => {
  let asked = 0;
  const hanging = new RecorderWatchdog({
    ...{ clock, log: silentLogger, isHeldUp: () => false },
    files: () => [{ path: 'door', file: FILE, partMs: 1_000 }],
    sizeOf: () => {
      asked += 1;
      return new Promise(() => {});
    },
  });
  hanging.begin(end.signal, () => [now.path]);
  await goOn(LONG_MS, RECEIVES);
  expect([asked, hanging.dead]).toEqual([1, []]);
});

test('after the end nothing is checked', async () => {
  end.abort();
  await goOn(LONG_MS, RECEIVES);
  expect([pulse.dead, clock.sleeping]).toEqual([[], 0]);
});
