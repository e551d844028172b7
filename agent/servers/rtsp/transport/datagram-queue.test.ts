import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { DatagramQueue, type DatagramTarget } from './datagram-queue.ts';

class Target implements DatagramTarget {
  isCongested = false;
  readonly sent: string[] = [];
  /** Packets of each call. */
  readonly runs: number[] = [];
  sendFrames(track: number, frames: Buffer, start: number, count: number): void {
    this.runs.push(count);
    let at = start;
    for (let i = 0; i < count; i += 1) {
      const length = frames.readUInt16BE(at + 2);
      this.sent.push(`${track}:${frames[at + 4]}x${length}`);
      at += 4 + length;
    }
  }
}

/** Frames filled with one letter, each with a packet of `bytes`. */
function chunkOf(packets: number, bytes: number, first = 0): Buffer {
  const frames = Array.from({ length: packets }, (_, i) => {
    const frame = Buffer.alloc(4 + bytes, first + i);
    frame.set([0x24, 0, bytes >> 8, bytes & 0xff]);
    return frame;
  });
  return Buffer.concat(frames);
}

/** Frames whose packets have these lengths. */
const chunkOfLengths = (lengths: readonly number[]): Buffer => Buffer.concat(lengths.map((bytes) => chunkOf(1, bytes)));

function open() {
  const clock = new FakeClock();
  const target = new Target();
  return { clock, target, queue: new DatagramQueue(target, clock) };
}

test('packets of a small chunk go out at once', () => {
  const { target, queue } = open();
  queue.push(chunkOf(3, 700), 1, 3);
  expect(target.sent).toEqual(['1:0x700', '1:1x700', '1:2x700']);
  expect(queue).toMatchObject({ packets: 3, bytes: 2100, discarded: 0 });
});

test.for([
  [[700, 700, 700], [3]],
  [[700, 700, 20], [3]],
  [
    [700, 20, 700],
    [2, 1],
  ],
  [
    [20, 700, 700],
    [1, 2],
  ],
  [
    [700, 20, 20],
    [2, 1],
  ],
  [[700], [1]],
])('packets of %j bytes are sent in runs of %j: equal ones, the last may be shorter', ([lengths = [], runs]) => {
  const { target, queue } = open();
  queue.push(chunkOfLengths(lengths), 0, lengths.length);
  expect(target.runs).toEqual(runs);
  expect(target.sent).toEqual(lengths.map((bytes) => `0:0x${bytes}`));
  expect(queue).toMatchObject({ packets: lengths.length, bytes: lengths.reduce((sum, bytes) => sum + bytes) });
});

test('a run is no longer than the credit of the pace, and than what a burst may have', async () => {
  const { clock, target, queue } = open();
  queue.push(chunkOf(10, 700), 0, 10);
  queue.push(chunkOf(10, 700), 0, 10);
  expect(target.runs).toEqual([10, 6]);
  await clock.advance(2);
  expect(target.runs).toEqual([10, 6, 4]);
  queue.push(chunkOf(10_000, 100), 0, 10_000);
  await clock.advance(2);
  expect(target.runs.slice(3)).toEqual([12, 16, 16, 8]);
});

test('a large chunk is sent at a pace that sockets can follow, and later chunks queue behind it', async () => {
  const { clock, target, queue } = open();
  queue.push(chunkOf(40, 100), 0, 40);
  queue.push(chunkOf(1, 100, 99), 1, 1);
  expect(target.sent).toHaveLength(16);
  await clock.advance(2);
  expect(target.sent).toHaveLength(32);
  await clock.advance(2);
  expect(target.sent).toHaveLength(41);
  expect(target.sent.slice(-2)).toEqual(['0:39x100', '1:99x100']);
});

test('chunks in one moment share the pace; time that passes without any counts once', async () => {
  const { clock, target, queue } = open();
  queue.push(chunkOf(10, 100), 0, 10);
  queue.push(chunkOf(10, 100), 0, 10);
  expect(target.sent).toHaveLength(16);
  await clock.advance(1_000);
  queue.push(chunkOf(40, 100), 0, 40);
  expect(target.sent).toHaveLength(20 + 16);
});

test('a queue of any length is sent within about half a second', async () => {
  const { clock, target, queue } = open();
  queue.push(chunkOf(5_000, 1_400), 0, 5_000);
  await clock.advance(700);
  expect(target.sent).toHaveLength(5_000);
});

test('nothing is sent to a congested network, and sending resumes in order', async () => {
  const { clock, target, queue } = open();
  target.isCongested = true;
  queue.push(chunkOf(3, 100), 0, 3);
  await clock.advance(10);
  expect(target.sent).toEqual([]);
  target.isCongested = false;
  await clock.advance(2);
  expect(target.sent).toEqual(['0:0x100', '0:1x100', '0:2x100']);
});

test('the queue is bounded: at the limit all packets are dropped and counted', async () => {
  const { clock, target, queue } = open();
  target.isCongested = true;
  const chunk = chunkOf(1_000, 1_400);
  let taken = 0;
  while (queue.push(chunk, 0, 1_000)) {
    taken += 1;
  }
  expect(taken * chunk.length).toBeLessThanOrEqual(16 << 20);
  expect((taken + 1) * chunk.length).toBeGreaterThan(16 << 20);
  expect(queue.discarded).toBe((taken + 1) * 1_000);
  target.isCongested = false;
  await clock.advance(10);
  expect(target.sent).toEqual([]);
  queue.push(chunkOf(1, 5, 7), 0, 1);
  expect(target.sent).toEqual(['0:7x5']);
});

test('a queue that never runs empty keeps its order', async () => {
  const { clock, target, queue } = open();
  const expected: string[] = [];
  for (let i = 0; i < 500; i += 1) {
    queue.push(chunkOf(20, 10, i % 200), i, 20);
    expected.push(...Array.from({ length: 20 }, (_, n) => `${i}:${((i % 200) + n) & 0xff}x10`));
    await clock.advance(2);
  }
  await clock.advance(1_000);
  expect(target.sent).toEqual(expected);
});
