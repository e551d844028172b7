import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { DatagramQueue, type DatagramTarget } from './datagram-queue.ts';

class Target implements DatagramTarget {
  isCongested = false;
  readonly sent: string[] = [];
  sendRtp(track: number, bytes: Buffer, start: number, length: number): void {
    this.sent.push(`${track}:${bytes[start]}x${length}`);
  }
}

/** Frames with one letter each, which stands for a packet of `bytes`. */
function chunkOf(packets: number, bytes: number, first = 0): Buffer {
  const frames = Array.from({ length: packets }, (_, i) => {
    const frame = Buffer.alloc(4 + bytes, first + i);
    frame.set([0x24, 0, bytes >> 8, bytes & 0xff]);
    return frame;
  });
  return Buffer.concat(frames);
}

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

test('however much waits is on its way within half a second, nearly', async () => {
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
