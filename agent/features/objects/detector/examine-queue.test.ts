import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Examined, ExamineTask, RgbPicture } from './contract.ts';
import { ExamineQueue } from './examine-queue.ts';

const PICTURE: RgbPicture = { width: 2, height: 1, rgb: new Uint8Array(6) };

/** A queue whose pictures take no time and cost what the test says. */
class Bench {
  readonly clock = new FakeClock();
  readonly order: string[] = [];
  readonly rejected: string[] = [];
  costMs = 0;
  /** Set: a picture is examined until it resolves. */
  hold: Promise<void> | undefined;
  readonly queue: ExamineQueue;

  constructor(options: { maxWaiting?: number; budgetMs?: number } = {}) {
    this.queue = new ExamineQueue({
      ...{ clock: this.clock, maxWaiting: 8, maxWaitMs: 10_000, ...options },
      examine: async (_picture, path): Promise<Examined> => {
        await this.hold;
        this.queue.charge(path, this.costMs);
        return { objects: [], ms: this.costMs };
      },
    });
  }

  add(path: string, eventUs: number, picture: ExamineTask['picture'] = async () => PICTURE): void {
    this.queue.examine({ path, eventUs, picture }).then(
      () => this.order.push(`${path}${eventUs}`),
      (error) => this.rejected.push(`${path}${eventUs} ${(error as PerchError).code}: ${explain(error)}`),
    );
  }
}

test('the newest event comes first, and pictures are examined one after the other', async () => {
  const bench = new Bench();
  const { promise, resolve } = Promise.withResolvers<void>();
  bench.hold = promise;
  for (const eventUs of [1, 3, 2, 5]) {
    bench.add('a', eventUs);
  }
  await bench.clock.advance(0);
  expect(bench.order).toEqual([]);
  resolve();
  await bench.clock.advance(0);
  expect(bench.order).toEqual(['a1', 'a5', 'a3', 'a2']);
});

test('a camera that has used more than its share of the minute comes after the others', async () => {
  const bench = new Bench();
  bench.costMs = 300;
  bench.add('busy', 1);
  bench.add('busy', 2);
  await bench.clock.advance(1_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  bench.hold = promise;
  bench.add('first', 3);
  bench.add('busy', 9);
  bench.add('quiet', 4);
  bench.add('other', 5);
  await bench.clock.advance(0);
  resolve();
  await bench.clock.advance(0);
  expect(bench.order.slice(2)).toEqual(['first3', 'other5', 'quiet4', 'busy9']);
});

test('when the budget of a minute is spent, pictures wait until it has room again, or are rejected after 10 s', async () => {
  const bench = new Bench({ budgetMs: 1_000 });
  bench.costMs = 400;
  bench.add('a', 1);
  await bench.clock.advance(1_000);
  bench.add('a', 2);
  await bench.clock.advance(1_000);
  expect(bench.order).toEqual(['a1', 'a2']);
  bench.add('a', 3);
  await bench.clock.advance(9_000);
  expect(bench.rejected).toEqual([]);
  await bench.clock.advance(1_000);
  expect(bench.rejected).toEqual([
    'a3 exhausted: the picture is not examined: the budget, 2 % of a core, is spent: 0.8 s within a minute',
  ]);
  await bench.clock.advance(45_000);
  bench.add('a', 4);
  await bench.clock.advance(3_000);
  expect(bench.order).toEqual(['a1', 'a2', 'a4']);
  // The fake clock keeps sleepers that were aborted until their time.
  await bench.clock.advance(20_000);
  expect(bench.clock.sleeping).toBe(0);
});

test('one picture that costs more than the whole budget is examined each minute', async () => {
  const bench = new Bench({ budgetMs: 1_000 });
  bench.costMs = 5_000;
  bench.add('a', 1);
  await bench.clock.advance(55_000);
  bench.add('a', 2);
  await bench.clock.advance(4_000);
  expect(bench.order).toEqual(['a1']);
  await bench.clock.advance(1_000);
  expect(bench.order).toEqual(['a1', 'a2']);
});

test('a full queue rejects the oldest event of the camera with most pictures', async () => {
  const bench = new Bench({ maxWaiting: 3 });
  const { promise, resolve } = Promise.withResolvers<void>();
  bench.hold = promise;
  bench.add('x', 1);
  bench.add('quiet', 1);
  bench.add('busy', 5);
  bench.add('busy', 6);
  bench.add('busy', 2);
  bench.add('busy', 7);
  await bench.clock.advance(0);
  expect(bench.rejected).toEqual([
    'busy2 exhausted: the picture is not examined: 3 newer pictures wait to be examined',
    'busy5 exhausted: the picture is not examined: 3 newer pictures wait to be examined',
  ]);
  resolve();
  await bench.clock.advance(0);
  expect(bench.order).toEqual(['x1', 'busy7', 'busy6', 'quiet1']);
});

test('a picture that cannot be made fails alone', async () => {
  const bench = new Bench();
  bench.add('a', 3, () => Promise.reject(new PerchError('unsupported', 'the picture cannot be decoded')));
  bench.add('a', 2, async () => ({ ...PICTURE, width: 3 }));
  bench.add('a', 1);
  await bench.clock.advance(0);
  expect(bench.rejected).toEqual([
    'a3 unsupported: the picture cannot be decoded',
    'a2 badInput: a picture of 3x1 with 6 bytes',
  ]);
  expect(bench.order).toEqual(['a1']);
});

test('a picture that never comes gives its turn away after 20 s', async () => {
  const bench = new Bench();
  bench.add('a', 1, () => new Promise(() => {}));
  await bench.clock.advance(15_000);
  bench.add('b', 2);
  await bench.clock.advance(5_000);
  expect(bench.rejected).toEqual(['a1 timeout: no picture within 20 s']);
  expect(bench.order).toEqual(['b2']);
});

test('closing rejects what waits', async () => {
  const bench = new Bench();
  const { promise, resolve } = Promise.withResolvers<void>();
  bench.hold = promise;
  bench.add('a', 1);
  bench.add('a', 2);
  await bench.clock.advance(0);
  bench.queue.close();
  bench.add('a', 3);
  resolve();
  await bench.clock.advance(0);
  expect(bench.rejected).toEqual(['a2 unavailable: Perch ends', 'a3 unavailable: Perch ends']);
  // The fake clock keeps sleepers that were aborted until their time.
  await bench.clock.advance(20_000);
  expect(bench.clock.sleeping).toBe(0);
});

test('a picture that is there only after the end is not examined', async () => {
  const bench = new Bench();
  const { promise, resolve } = Promise.withResolvers<RgbPicture>();
  bench.add('a', 1, () => promise);
  await bench.clock.advance(0);
  bench.queue.close();
  resolve(PICTURE);
  await bench.clock.advance(0);
  expect(bench.order).toEqual([]);
  expect(bench.rejected).toEqual(['a1 unavailable: Perch ends']);
});

test('the self-test passes the budget by', async () => {
  const bench = new Bench({ budgetMs: 1_000 });
  bench.costMs = 5_000;
  const task = { path: '', eventUs: 0, isTest: true, picture: async () => PICTURE };
  expect(await Promise.all([bench.queue.examine(task), bench.queue.examine(task)])).toHaveLength(2);
});

test('a picture is made with the knowledge whether others wait', async () => {
  const bench = new Bench();
  const othersWaited: boolean[] = [];
  for (const eventUs of [1, 2]) {
    bench.add('a', eventUs, async (othersWait) => {
      othersWaited.push(othersWait);
      return PICTURE;
    });
  }
  await bench.clock.advance(0);
  bench.add('a', 3);
  await bench.clock.advance(0);
  expect(othersWaited).toEqual([false, false]);
  const { promise, resolve } = Promise.withResolvers<void>();
  bench.hold = promise;
  bench.add('a', 4);
  for (const eventUs of [5, 6]) {
    bench.add('a', eventUs, async (othersWait) => {
      othersWaited.push(othersWait);
      return PICTURE;
    });
  }
  resolve();
  await bench.clock.advance(0);
  expect(othersWaited.slice(2)).toEqual([true, false]);
});
