import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 10_000;
/** A camera that was there a moment ago is on its way back: it is asked so often at least, so that it is pulled within 5 s. */
const MAX_FRESH_PAUSE_MS = 4_000;
const FRESH_MS = 180_000;
/** One that does not even answer is looked for so often; whoever looks gives up before the next time. */
const LOOK_EVERY_MS = 2_000;
/** Cameras lock out whoever gives a wrong password some five times in half an hour, and their owner may sit at the same address. */
const REFUSED_ONCE_PAUSE_MS = 10_000;
const REFUSED_PAUSE_MS = 600_000;
/** So that cameras which lost power together are not asked together. */
const JITTER = 0.2;
/** A run that lasted this long was healthy: the next failure starts again from the first pause. */
const HEALTHY_RUN_MS = 60_000;

/** `cause` is why the last run ended. */
export type SourceState =
  | { readonly kind: 'running'; readonly attempt: number; readonly cause: unknown }
  | { readonly kind: 'waiting'; readonly pauseMs: number; readonly cause: unknown }
  | { readonly kind: 'stopped'; readonly cause: unknown };

interface SupervisorOptions {
  /** Whether somebody answers there now; asked only where the last run ended because nobody did. Never rejects. */
  readonly answers?: ((signal: AbortSignal) => Promise<boolean>) | undefined;
  /** A float in [0, 1). */
  readonly random?: () => number;
}

/**
 * How long to wait before a reconnect: doubles from 1 s to 10 s, less up to a fifth; 10 s after a refused password, then 10 min.
 * @param failures of one kind in a row, counts from 1
 * @param random a float in [0, 1)
 * @param isFresh the camera was there a moment ago: 4 s at most
 */
export function pauseAfter(failures: number, random: number, isRefused: boolean, isFresh = false): number {
  if (isRefused) {
    return failures === 1 ? REFUSED_ONCE_PAUSE_MS : REFUSED_PAUSE_MS;
  }
  const longestMs = isFresh ? MAX_FRESH_PAUSE_MS : MAX_PAUSE_MS;
  const pauseMs = Math.min(longestMs, FIRST_PAUSE_MS * 2 ** (failures - 1));
  return Math.round(pauseMs * (1 - JITTER * random));
}

/** Runs a source again and again until `signal` aborts. `run` does one connection and returns or throws when it ends. */
export async function supervise(
  run: (signal: AbortSignal) => Promise<void>,
  onState: (state: SourceState) => void,
  clock: Clock,
  signal: AbortSignal,
  { answers, random = Math.random }: SupervisorOptions = {},
): Promise<void> {
  let failures = 0;
  let wasRefused = false;
  let lastSeenMs = Number.NEGATIVE_INFINITY;
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
    const nowMs = clock.monoMs();
    const isRefused = ended instanceof PerchError && ended.code === 'unauthorized';
    const wasHealthy = nowMs - startedMs >= HEALTHY_RUN_MS;
    const answersAgain = isUnreachable(cause) && !isUnreachable(ended);
    cause = ended;
    failures = wasHealthy || answersAgain || isRefused !== wasRefused ? 1 : failures + 1;
    wasRefused = isRefused;
    lastSeenMs = wasHealthy || answersAgain ? nowMs : lastSeenMs;
    const pauseMs = waitOf(ended) ?? pauseAfter(failures, random(), isRefused, nowMs - lastSeenMs < FRESH_MS);
    onState({ kind: 'waiting', pauseMs, cause });
    if (answers && isUnreachable(cause)) {
      if (await isBack(answers, pauseMs, clock, signal)) {
        failures = 0;
        lastSeenMs = clock.monoMs();
      }
    } else {
      await clock.sleep(pauseMs, signal);
    }
  }
  onState({ kind: 'stopped', cause });
}

/** Who threw it knows when there is sense in the next try: a password that was refused is not shown before. */
export function waitOf(cause: unknown): number | undefined {
  const waitMs = cause instanceof PerchError ? cause.context['waitMs'] : undefined;
  return typeof waitMs === 'number' ? waitMs : undefined;
}

/** Who threw it says so: nobody answered at all. */
function isUnreachable(cause: unknown): boolean {
  return cause instanceof PerchError && cause.context['isUnreachable'] === true;
}

/** Waits for `pauseMs`, or until somebody answers. */
async function isBack(
  answers: (signal: AbortSignal) => Promise<boolean>,
  pauseMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const endMs = clock.monoMs() + pauseMs;
  for (let leftMs = pauseMs; leftMs > 0 && !signal.aborted; leftMs = endMs - clock.monoMs()) {
    // Never at once: who answers and then does not is asked no faster than a camera that failed for the first time.
    await clock.sleep(Math.min(leftMs, leftMs === pauseMs ? FIRST_PAUSE_MS : LOOK_EVERY_MS), signal);
    if (clock.monoMs() < endMs && !signal.aborted && (await answers(signal))) {
      return true;
    }
  }
  return false;
}
