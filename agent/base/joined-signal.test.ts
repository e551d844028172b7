import { getEventListeners } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { joinSignals } from './joined-signal.ts';

test('it aborts with the first of its parts, for the same reason', () => {
  const [a, b] = [new AbortController(), new AbortController()];
  const joined = joinSignals([a.signal, b.signal], 60_000);
  expect(joined.signal.aborted).toBe(false);
  b.abort('enough');
  a.abort('later');
  expect([joined.signal.aborted, joined.signal.reason, joined.isLate]).toEqual([true, 'enough', false]);
  joined.release();
});

test('a part that has aborted already is enough', () => {
  const joined = joinSignals([AbortSignal.abort('before')]);
  expect(joined.signal.reason).toBe('before');
  joined.release();
});

test('the time ends it as well, and that is known', async () => {
  const joined = joinSignals([], 1);
  await expect.poll(() => joined.signal.aborted).toBe(true);
  expect([joined.isLate, joined.signal.reason.name]).toEqual([true, 'TimeoutError']);
  joined.release();
});

test('after release no listener is left on its signals', () => {
  const long = new AbortController();
  for (let i = 0; i < 100; i += 1) {
    joinSignals([long.signal], 60_000).release();
  }
  expect(getEventListeners(long.signal, 'abort')).toHaveLength(0);
});

test('the agent joins signals in no other way', () => {
  const files = globSync('agent/**/*.ts', { exclude: ['**/*.test.ts'] });
  expect(files.length).toBeGreaterThan(500);
  expect(files.filter((file) => readFileSync(file, 'utf8').includes('AbortSignal.any('))).toEqual([]);
});
