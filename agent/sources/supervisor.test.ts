import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import { pauseAfter, type SourceState, supervise } from './supervisor.ts';

test('pauses double from one second and stop growing at ten', () => {
  const pauses = [1, 2, 3, 4, 5, 6, 100].map((failures) => pauseAfter(failures, 0, false));
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

test('after a rejected password the pauses are long, so that the camera does not lock its owner out', async () => {
  expect([1, 2, 3, 4, 5, 6, 7].map((failures) => pauseAfter(failures, 0, true))).toEqual([
    10_000, 600_000, 600_000, 600_000, 600_000, 600_000, 600_000,
  ]);
  const clock = new FakeClock();
  const stop = new AbortController();
  const pauses: number[] = [];
  const causes = ['unavailable', 'unavailable', 'unauthorized', 'unauthorized', 'unavailable'] as const;
  const run = () => Promise.reject(new PerchError(causes[pauses.length] ?? 'unavailable', 'refused'));
  const note = (state: SourceState) => state.kind === 'waiting' && pauses.push(state.pauseMs);
  const done = supervise(run, note, clock, stop.signal, { random: () => 0 });
  for (const pauseMs of [0, 1000, 2000, 10_000, 600_000]) {
    await clock.advance(pauseMs);
  }
  expect(pauses).toEqual([1000, 2000, 10_000, 600_000, 1000]);
  stop.abort();
  await done;
});

test('a delayed login waits as long as its error specifies', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const pauses: number[] = [];
  const barred = new PerchError('unauthorized', 'not now', { waitMs: 123_000 });
  const note = (state: SourceState) => state.kind === 'waiting' && pauses.push(state.pauseMs);
  const done = supervise(() => Promise.reject(barred), note, clock, stop.signal);
  await clock.advance(122_999);
  expect(pauses).toEqual([123_000]);
  await clock.advance(1);
  expect(pauses).toEqual([123_000, 123_000]);
  stop.abort();
  await done;
});

test('jitter shortens a pause by up to 20 %', () => {
  expect(pauseAfter(1, 0.5, false)).toBe(900);
  expect(pauseAfter(9, 0.999_999, false)).toBe(8000);
});

test('a failed connection is retried after the pause, and stopping interrupts the wait', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const states: SourceState[] = [];
  const refuse = () => Promise.reject(new Error('connection refused'));
  const kinds = () => states.map((state) => state.kind);

  const done = supervise(refuse, (state) => states.push(state), clock, stop.signal, { random: () => 0 });
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

test('after a healthy minute the pauses start from the first', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const pauses: number[] = [];
  let runMs = 0;
  const run = async (signal: AbortSignal) => {
    await clock.sleep(runMs, signal);
    throw new Error('gone');
  };
  const note = (state: SourceState) => state.kind === 'waiting' && pauses.push(state.pauseMs);

  const done = supervise(run, note, clock, stop.signal, { random: () => 0 });
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

test('a run that returns is a cause, too', async () => {
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

const unreachable = () => new PerchError('unavailable', 'nothing answers', { isUnreachable: true });

/** A camera that is off for a time, then boots: its port opens before it can serve. */
class Rebooting {
  readonly #clock: FakeClock;
  readonly opensAtMs: number;
  readonly servesAtMs: number;
  servedAtMs = Number.NaN;
  looks = 0;
  runs = 0;

  constructor(clock: FakeClock, opensAtMs: number, servesAtMs: number) {
    this.#clock = clock;
    this.opensAtMs = opensAtMs;
    this.servesAtMs = servesAtMs;
  }

  /** A connection: SYN at 0, 1, 3 and 7 s, as TCP sends it; times out after 10 s. */
  run = async (signal: AbortSignal): Promise<void> => {
    this.runs += 1;
    for (const pauseMs of [0, 1_000, 2_000, 4_000, 3_000]) {
      await this.#clock.sleep(pauseMs, signal);
      if (this.#clock.monoMs() >= this.servesAtMs) {
        this.servedAtMs = Math.min(this.#clock.monoMs(), this.servedAtMs || Number.POSITIVE_INFINITY);
        await this.#clock.sleep(3_600_000, signal);
        return;
      }
      if (this.#clock.monoMs() >= this.opensAtMs) {
        throw new PerchError('unavailable', 'camera is busy or still starting (503)');
      }
    }
    throw unreachable();
  };

  answers = async (signal: AbortSignal): Promise<boolean> => {
    this.looks += 1;
    if (this.#clock.monoMs() < this.opensAtMs) {
      await this.#clock.sleep(2_000, signal);
      return false;
    }
    return true;
  };
}

test.for([
  ['one minute and serves at once', 60_000, 0],
  ['two minutes and serves at once', 120_000, 0],
  ['ten minutes and serves at once', 600_000, 0],
  ['two minutes and is busy for 25 s more', 120_000, 25_000],
] as const)('a camera that was off for %s plays within five seconds of its return', async ([, offMs, bootMs]) => {
  for (const chance of [0, 0.3, 0.7, 0.99]) {
    for (const partMs of [0, 1_300, 2_900, 4_700, 7_100, 9_400]) {
      const clock = new FakeClock();
      const stop = new AbortController();
      const camera = new Rebooting(clock, offMs + partMs, offMs + partMs + bootMs);
      const options = { answers: camera.answers, random: () => chance };
      const done = supervise(camera.run, () => {}, clock, stop.signal, options);
      await clock.advance(offMs + partMs + bootMs + 5_000);
      expect(camera.servedAtMs - camera.servesAtMs).toBeLessThan(5_000);
      stop.abort();
      await done;
    }
  }
});

test('a camera that was reachable is retried at least every four seconds for three minutes', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const pauses: number[] = [];
  let isFirst = true;
  const run = async (signal: AbortSignal) => {
    await clock.sleep(isFirst ? 60_000 : 0, signal);
    isFirst = false;
    throw new PerchError('notFound', 'channel of the recorder has no camera (404)');
  };
  const note = (state: SourceState) => state.kind === 'waiting' && pauses.push(state.pauseMs);
  const done = supervise(run, note, clock, stop.signal, { random: () => 0 });
  await clock.advance(60_000 + 200_000);
  expect(pauses.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 4_000]);
  expect(pauses.at(-1)).toBe(10_000);
  stop.abort();
  await done;
});

test.for([
  ['answers with a status', new PerchError('notFound', 'camera has no stream at this address (404)')],
  ['rejects the password', new PerchError('unauthorized', 'camera rejected the password (401)')],
] as const)('a camera that %s is not probed during the pause', async ([, cause]) => {
  const clock = new FakeClock();
  const stop = new AbortController();
  let looks = 0;
  const answers = async () => {
    looks += 1;
    return true;
  };
  const done = supervise(
    () => Promise.reject(cause),
    () => {},
    clock,
    stop.signal,
    { answers },
  );
  await clock.advance(60_000);
  expect(looks).toBe(0);
  stop.abort();
  await done;
});

test('a device that answers the probe but never the run is retried at most once a second', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  let runs = 0;
  const run = () => {
    runs += 1;
    return Promise.reject(unreachable());
  };
  const done = supervise(run, () => {}, clock, stop.signal, { answers: async () => true, random: () => 0 });
  await clock.advance(10_000);
  expect(runs).toBeLessThanOrEqual(11);
  stop.abort();
  await done;
});

test('stopping interrupts a wait with probes', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const states: SourceState[] = [];
  const answers = async () => false;
  const done = supervise(
    () => Promise.reject(unreachable()),
    (state) => states.push(state),
    clock,
    stop.signal,
    { answers },
  );
  await clock.advance(6_000);
  expect(states.at(-1)?.kind).toBe('waiting');
  stop.abort();
  await done;
  expect(states.at(-1)?.kind).toBe('stopped');
});
