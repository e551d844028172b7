import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;
/** Cameras lock out whoever gives a wrong password some five times in half an hour, and their owner may sit at the same address. */
const FIRST_REFUSED_PAUSE_MS = 10_000;
const LONGEST_REFUSED_PAUSE_MS = 300_000;
/** So that cameras which lost power together are not asked together. */
const JITTER = 0.2;
/** A run that lasted this long was healthy: the next failure starts again from the first pause. */
const HEALTHY_RUN_MS = 60_000;

/** `cause` is why the last run ended. */
export type SourceState =
  | { readonly kind: 'running'; readonly attempt: number; readonly cause: unknown }
  | { readonly kind: 'waiting'; readonly pauseMs: number; readonly cause: unknown }
  | { readonly kind: 'stopped'; readonly cause: unknown };

/**
 * How long to wait before a reconnect: doubles from 1 s to 10 s, from 10 s to 5 min after a refused password; less up to a fifth.
 * @param failures of one kind in a row, counts from 1
 * @param random a float in [0, 1)
 */
export function pauseAfter(failures: number, random: number, isRefused: boolean): number {
  const [firstMs, longestMs] = isRefused
    ? [FIRST_REFUSED_PAUSE_MS, LONGEST_REFUSED_PAUSE_MS]
    : [FIRST_PAUSE_MS, LONGEST_PAUSE_MS];
  const pauseMs = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return Math.round(pauseMs * (1 - JITTER * random));
}

/** Runs a source again and again until `signal` aborts. `run` does one connection and returns or throws when it ends. */
export async function supervise(
  run: (signal: AbortSignal) => Promise<void>,
  onState: (state: SourceState) => void,
  clock: Clock,
  signal: AbortSignal,
  random: () => number = Math.random,
): Promise<void> {
  let failures = 0;
  let wasRefused = false;
  let cause: unknown;
  while (!signal.aborted) {
    onState({ kind: 'running', attempt: failures + 1, cause });
    const startedMs = clock.monoMs();
    const ended = await run(signal).then(
      () => new PerchError('unavailable', 'the source ended the stream'),
      (error: unknown) => error,
    );
    if (signal.aborted) {
      break;
    }
    cause = ended;
    const isRefused = cause instanceof PerchError && cause.code === 'unauthorized';
    const startsOver = clock.monoMs() - startedMs >= HEALTHY_RUN_MS || isRefused !== wasRefused;
    failures = startsOver ? 1 : failures + 1;
    wasRefused = isRefused;
    const pauseMs = pauseAfter(failures, random(), isRefused);
    onState({ kind: 'waiting', pauseMs, cause });
    await clock.sleep(pauseMs, signal);
  }
  onState({ kind: 'stopped', cause });
}
