import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fake-clock.ts';
import { FlushPoint, type OpenFile } from './flush.ts';

class CountedFile implements OpenFile {
  hasUnsynced = true;
  rounds = 0;
  readonly #take: () => Promise<void>;

  constructor(take: () => Promise<void> = async () => {}) {
    this.#take = take;
  }

  async sync(): Promise<void> {
    this.rounds += 1;
    await this.#take();
  }
}

test('each interval is one round over the files that have new bytes', async () => {
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
});

test('files are flushed one after the other, and a slow round is not joined by a second', async () => {
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

test('another interval holds from when it is set', async () => {
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
