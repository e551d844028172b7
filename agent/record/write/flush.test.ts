import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { FlushPoint, HANGING_MS, type OpenFile } from './flush.ts';

class CountedFile implements OpenFile {
  hasUnsynced = true;
  rounds = 0;
  readonly device: number;
  readonly #take: () => Promise<void>;

  constructor(take: () => Promise<void> = async () => {}, device = 1) {
    this.#take = take;
    this.device = device;
  }

  async sync(): Promise<void> {
    this.rounds += 1;
    await this.#take();
  }
}

test('each interval is one round over the files with new bytes', async () => {
  const clock = new FakeClock();
  const flush = new FlushPoint(clock, 5_000);
  const [busy, idle] = [new CountedFile(), new CountedFile()];
  idle.hasUnsynced = false;
  flush.add('busy', busy);
  flush.add('idle', idle);
  await clock.advance(4_999);
  expect(busy.rounds).toBe(0);
  await clock.advance(1);
  await clock.advance(5_000);
  expect([busy.rounds, idle.rounds]).toEqual([2, 0]);
  flush.remove('busy');
  await clock.advance(5_000);
  await flush.close();
  expect(busy.rounds).toBe(2);
  expect(flush.rounds).toBe(2);
});

test('files of a disk are flushed one at a time, and rounds do not overlap', async () => {
  const clock = new FakeClock();
  const flush = new FlushPoint(clock, 5_000);
  let release = (): void => {};
  const slow = new CountedFile(() => new Promise((resolve) => (release = resolve)));
  const next = new CountedFile();
  flush.add('slow', slow);
  flush.add('next', next);
  await clock.advance(15_000);
  expect([slow.rounds, next.rounds]).toEqual([1, 0]);
  release();
  await flush.close();
  expect([slow.rounds, next.rounds]).toEqual([1, 1]);
});

test('a hanging disk delays neither rounds of another disk nor the end', async () => {
  const clock = new FakeClock();
  const flush = new FlushPoint(clock, 5_000);
  const never = () => flush.disk(1).flush(() => new Promise<void>(() => {}));
  const [stuck, well] = [new CountedFile(never, 1), new CountedFile(undefined, 2)];
  flush.add('stuck', stuck);
  flush.add('well', well);
  await clock.advance(5_000);
  expect(flush.isHanging(1)).toBe(false);
  await clock.advance(HANGING_MS);
  expect([stuck.rounds, well.rounds]).toEqual([1, 3]);
  expect([flush.isHanging(1), flush.isHanging(2), flush.isHeldUp]).toEqual([true, false, true]);
  flush.remove('stuck');
  expect(flush.isHeldUp).toBe(false);
  await flush.close();
});

test('the end waits a limited time for a disk that starts to hang', async () => {
  const clock = new FakeClock();
  const flush = new FlushPoint(clock, 5_000);
  flush.add('stuck', new CountedFile(() => flush.disk(1).flush(() => new Promise<void>(() => {}))));
  await clock.advance(5_000);
  let isClosed = false;
  const closed = flush.close().then(() => {
    isClosed = true;
  });
  await clock.advance(HANGING_MS / 2);
  expect(isClosed).toBe(false);
  await clock.advance(HANGING_MS / 2);
  await closed;
});

test('joined work runs once at the end of each round with a flush', async () => {
  const clock = new FakeClock();
  const flush = new FlushPoint(clock, 5_000);
  const calls: number[] = [];
  const file = new CountedFile();
  flush.join(() => calls.push(file.rounds));
  await clock.advance(5_000);
  flush.add('file', file);
  flush.add('other', new CountedFile());
  await clock.advance(10_000);
  file.hasUnsynced = false;
  flush.remove('other');
  await clock.advance(5_000);
  await flush.close();
  expect(calls).toEqual([1, 2]);
});

test('a changed interval applies at once', async () => {
  const clock = new FakeClock();
  const flush = new FlushPoint(clock, 5_000);
  const busy = new CountedFile();
  flush.add('busy', busy);
  flush.setInterval(1_000);
  await clock.advance(3_000);
  await flush.close();
  await clock.advance(3_000);
  expect(busy.rounds).toBe(3);
});
