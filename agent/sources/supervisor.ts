import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';

const FIRST_PAUSE_MS = 1_000;
const FRESH_MS = 180_000;
/** How often to probe a camera that does not answer. A probe gives up before the next one starts. */
const PROBE_EVERY_MS = 2_000;
/** Cameras lock an address after about five wrong passwords in half an hour; the owner may share that address. */
const REFUSED_ONCE_PAUSE_MS = 10_000;
const REFUSED_PAUSE_MS = 600_000;
/** Spreads the reconnects of cameras that lost power together. */
const JITTER = 0.2;
/** After a run of this length the next failure starts again from the first pause. */
const HEALTHY_RUN_MS = 60_000;

/** `cause`: why the last run ended. */
export type SourceState =
  | { readonly kind: 'running'; readonly attempt: number; readonly cause: unknown }
  | { readonly kind: 'waiting'; readonly pauseMs: number; readonly cause: unknown }
  | { readonly kind: 'stopped'; readonly cause: unknown };

interface SupervisorOptions {
  /** Whether the address answers now; called only after a run that could not reach it. Never rejects. */
  readonly answers?: ((signal: AbortSignal) => Promise<boolean>) | undefined;
  /** A float in [0, 1). */
  readonly random?: () => number;
}

/**
 * Pause before a reconnect: doubles from 1 s to 10 s, minus up to 20 %; after a rejected password 10 s, then 10 min.
 * @param failures of one kind in a row, counts from 1
 * @param random a float in [0, 1)
 * @param isFresh the camera was reachable within `FRESH_MS`: at most 4 s
 */
export function pauseAfter(failures: number, random: number, isRefused: boolean, isFresh = false): number {
  if (isRefused) {
    return failures === 1 ? REFUSED_ONCE_PAUSE_MS : REFUSED_PAUSE_MS;
  }
  // A camera that was reachable within `FRESH_MS` plays again within 5 s of its return.
  const longestMs = isFresh ? 4_000 : 10_000;
  const pauseMs = Math.min(longestMs, FIRST_PAUSE_MS * 2 ** (failures - 1));
  return Math.round(pauseMs * (1 - JITTER * random));
}

/** Runs a source until `signal` aborts. `run` makes one connection, and returns or throws when it ends. */
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

/** The pause that the error itself asks for: a rejected password is not sent earlier. */
export function waitOf(cause: unknown): number | undefined {
  const waitMs = cause instanceof PerchError ? cause.context['waitMs'] : undefined;
  return typeof waitMs === 'number' ? waitMs : undefined;
}

/** Nothing answered at the address. */
function isUnreachable(cause: unknown): boolean {
  return cause instanceof PerchError && cause.context['isUnreachable'] === true;
}

/** Waits for `pauseMs`, or until the address answers. */
async function isBack(
  answers: (signal: AbortSignal) => Promise<boolean>,
  pauseMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const endMs = clock.monoMs() + pauseMs;
  for (let leftMs = pauseMs; leftMs > 0 && !signal.aborted; leftMs = endMs - clock.monoMs()) {
    // A camera that accepts connections and then fails is retried no faster than after its first failure.
    await clock.sleep(Math.min(leftMs, leftMs === pauseMs ? FIRST_PAUSE_MS : PROBE_EVERY_MS), signal);
    if (clock.monoMs() < endMs && !signal.aborted && (await answers(signal))) {
      return true;
    }
  }
  return false;
}
