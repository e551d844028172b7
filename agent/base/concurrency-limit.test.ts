import { expect, test } from 'vitest';
import { ConcurrencyLimit } from './concurrency-limit.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('the limit of tasks runs at a time, the others in order, despite failures', async () => {
  const gate = new ConcurrencyLimit(2, 10, 'cameras');
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const works = [0, 1, 2, 3].map((i) =>
    gate
      .run(() => {
        begun.push(i);
        return new Promise<void>((resolve, reject) => ends.push(i === 0 ? () => reject(new Error('no')) : resolve));
      })
      .catch((error: Error) => error.message),
  );
  await settle();
  expect(begun).toEqual([0, 1]);
  ends[0]?.();
  await settle();
  expect(begun).toEqual([0, 1, 2]);
  ends[1]?.();
  ends[2]?.();
  await settle();
  ends[3]?.();
  expect(await Promise.all(works)).toEqual(['no', undefined, undefined, undefined]);
  expect(await gate.run(async () => 'free again')).toBe('free again');
});

test("tasks beyond the queue's limit are rejected", async () => {
  const gate = new ConcurrencyLimit(1, 2, 'cameras');
  const waiting = [1, 2].map(() => gate.run(() => new Promise<void>(() => {})));
  expect(waiting.length).toBe(2);
  expect(() => gate.checkRoom(1)).not.toThrow();
  expect(() => gate.checkRoom(2)).toThrow('1 cameras are waiting already, the limit is 2');
});

test('a gate runs its limit of requests, queues its limit and rejects the rest', async () => {
  const gate = new ConcurrencyLimit(2, 3, 'logins');
  let running = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running -= 1;
  };
  const all = Array.from({ length: 5 }, () => gate.run(work));
  await expect(gate.run(work)).rejects.toThrow('3 logins are waiting already, the limit is 3');
  for (let done = 0; done < 5; done += 1) {
    await expect.poll(() => ends.length).toBeGreaterThan(0);
    ends.shift()?.();
    await Promise.race(all.slice(done));
  }
  await Promise.all(all);
  expect(most).toBe(2);
  const again = gate.run(async () => 'free again');
  expect(await again).toBe('free again');
});

test('a failed task frees its slot', async () => {
  const gate = new ConcurrencyLimit(1, 1, 'logins');
  await expect(gate.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await gate.run(async () => 1)).toBe(1);
});
