import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fake-clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import { pauseAfter, type SourceState, supervise } from './supervisor.ts';

test('pauses double from one second and stop growing at ten', () => {
  const pauses = [1, 2, 3, 4, 5, 6, 100].map((failures) => pauseAfter(failures, 0, false));
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

test('a refused password is tried seldom, before the camera locks its owner out too', async () => {
  expect([1, 2, 3, 4, 5, 6, 7].map((failures) => pauseAfter(failures, 0, true))).toEqual([
    10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000,
  ]);
  const clock = new FakeClock();
  const stop = new AbortController();
  const pauses: number[] = [];
  const causes = ['unavailable', 'unavailable', 'unauthorized', 'unauthorized', 'unavailable'] as const;
  const run = () => Promise.reject(new PerchError(causes[pauses.length] ?? 'unavailable', 'refused'));
  const note = (state: SourceState) => state.kind === 'waiting' && pauses.push(state.pauseMs);
  const done = supervise(run, note, clock, stop.signal, () => 0);
  for (const pauseMs of [0, 1000, 2000, 10_000, 20_000]) {
    await clock.advance(pauseMs);
  }
  expect(pauses).toEqual([1000, 2000, 10_000, 20_000, 1000]);
  stop.abort();
  await done;
});

test('chance takes up to a fifth off a pause', () => {
  expect(pauseAfter(1, 0.5, false)).toBe(900);
  expect(pauseAfter(9, 0.999_999, false)).toBe(8000);
});

test('a camera that refuses is tried again after the pause, and stopping interrupts the wait', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const states: SourceState[] = [];
  const refuse = () => Promise.reject(new Error('connection refused'));
  const kinds = () => states.map((state) => state.kind);

  const done = supervise(
    refuse,
    (state) => states.push(state),
    clock,
    stop.signal,
    () => 0,
  );
  await clock.advance(999);
  expect(kinds()).toEqual(['running', 'waiting']);
  await clock.advance(1);
  expect(kinds()).toEqual(['running', 'waiting', 'running', 'waiting']);
  expect(states[2]).toMatchObject({ attempt: 2, cause: new Error('connection refused') });
  expect(states[3]).toMatchObject({ pauseMs: 2000 });

  stop.abort();
  await done;
  expect(kinds().at(-1)).toBe('stopped');
});

test('after a healthy minute the pauses start over', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const pauses: number[] = [];
  let runMs = 0;
  const run = async (signal: AbortSignal) => {
    await clock.sleep(runMs, signal);
    throw new Error('gone');
  };
  const note = (state: SourceState) => state.kind === 'waiting' && pauses.push(state.pauseMs);

  const done = supervise(run, note, clock, stop.signal, () => 0);
  await clock.advance(0);
  await clock.advance(1000);
  await clock.advance(2000);
  expect(pauses).toEqual([1000, 2000, 4000]);
  runMs = 60_000;
  await clock.advance(4000);
  await clock.advance(60_000);
  expect(pauses.at(-1)).toBe(1000);
  stop.abort();
  await done;
});

test('a source that ends by itself is a cause too', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const states: SourceState[] = [];
  const done = supervise(
    () => Promise.resolve(),
    (state) => states.push(state),
    clock,
    stop.signal,
  );
  await clock.advance(0);
  expect(explain(states.at(-1)?.cause)).toBe('the source ended the stream');
  stop.abort();
  await done;
});
