import { expect, test } from 'vitest';
import { processorTimes, untilSpare } from '../../support/run/spare-processor.ts';

const ALWAYS = 4;
const IDLE = 0.25;

/** @returns milliseconds until a worker begins, at a machine with this idle share in each second */
async function waitMs(worker: number, idleIn: (second: number) => number): Promise<number> {
  let [nowMs, idle] = [0, 0];
  const pass = async (ms: number) => {
    idle += ms * idleIn(Math.floor(nowMs / 1_000));
    nowMs += ms;
  };
  await untilSpare(worker, ALWAYS, { idle: IDLE, read: () => ({ idle, all: nowMs }), pass });
  return nowMs;
}

test('the first workers begin at once', async () => {
  expect(await waitMs(1, () => 0)).toBe(0);
  expect(await waitMs(ALWAYS, () => 0)).toBe(0);
});

test('a further one begins after an idle second, the next one needs more of them', async () => {
  const quarterFromTen = (second: number) => (second < 10 ? 0 : 0.27);
  expect(await waitMs(ALWAYS + 1, quarterFromTen)).toBe(11_000);
  expect(await waitMs(ALWAYS + 2, quarterFromTen)).toBe(300_000);
  expect(await waitMs(ALWAYS + 2, () => 0.35)).toBe(1_000);
});

test('on a machine that stays busy, and where the system does not say, it begins after five minutes', async () => {
  expect(await waitMs(ALWAYS + 1, () => 0.1)).toBe(300_000);
  let nowMs = 0;
  const pass = async (ms: number) => {
    nowMs += ms;
  };
  await untilSpare(ALWAYS + 1, ALWAYS, { idle: IDLE, read: () => undefined, pass });
  expect(nowMs).toBe(300_000);
});

test('waiting for disks counts as idle, work of a lower priority gives way, and guests are part of the user time', () => {
  const stat = 'cpu  100 20 30 400 5 6 7 8 90 10\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 5\n';
  expect(processorTimes(stat, 0)).toEqual({ idle: 425, all: 576 });
  expect(processorTimes(stat, 10)).toEqual({ idle: 405, all: 576 });
});
