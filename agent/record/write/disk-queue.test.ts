import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { DiskQueue, type DiskWriter } from './disk-queue.ts';

const turns = (names: string[], name: string): DiskWriter => ({ startWrite: () => names.push(name) });

test('one write runs at a time, others wait in order', () => {
  const disk = new DiskQueue(new FakeClock());
  const started: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    disk.wantsWrite(turns(started, name));
  }
  expect(started).toEqual(['a']);
  disk.writeDone();
  expect(started).toEqual(['a', 'b']);
  disk.writeDone();
  disk.writeDone();
  disk.wantsWrite(turns(started, 'd'));
  expect(started).toEqual(['a', 'b', 'c', 'd']);
});

test('flushes run in order, and a failed one delays none', async () => {
  const disk = new DiskQueue(new FakeClock());
  const order: string[] = [];
  const first = disk.flush(async () => {
    order.push('first');
    throw new Error('no disk');
  });
  const second = disk.flush(async () => order.push('second'));
  await expect(first).rejects.toThrow('no disk');
  await second;
  expect(order).toEqual(['first', 'second']);
});

test('the waiting time counts from the start of the current operation, while the program is idle', async () => {
  const clock = new FakeClock();
  const disk = new DiskQueue(clock);
  disk.wantsWrite(turns([], 'a'));
  await clock.advance(700);
  disk.wantsWrite(turns([], 'b'));
  expect(disk.waitedMs).toBe(700);
  disk.writeDone();
  expect(disk.waitedMs).toBe(0);
  await clock.advance(50);
  expect(disk.waitedMs).toBe(50);
  disk.writeDone();
  await clock.advance(50);
  expect(disk.waitedMs).toBe(0);
  disk.wantsWrite(turns([], 'c'));
  clock.busyShare = 0.9;
  await clock.advance(1_000);
  expect(disk.waitedMs).toBeCloseTo(100);
});

test('durations of writes and flushes are reported: count, last, longest', async () => {
  const clock = new FakeClock();
  const disk = new DiskQueue(clock);
  for (const ms of [300, 20]) {
    disk.wantsWrite(turns([], 'a'));
    await clock.advance(ms);
    disk.writeDone();
  }
  let release = (): void => {};
  const slow = disk.flush(() => new Promise<void>((resolve) => (release = resolve)));
  await clock.advance(1_500);
  release();
  await slow;
  await disk.flush(async () => {});
  await clock.advance(0);
  expect({ ...disk.writes }).toEqual({ count: 2, totalMs: 320, lastMs: 20, maxMs: 300 });
  expect({ ...disk.flushes }).toEqual({ count: 2, totalMs: 1_500, lastMs: 0, maxMs: 1_500 });
});
