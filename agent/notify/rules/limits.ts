import { putBounded } from '../../base/bounded-map.ts';

/** Events of one kind and camera that follow this soon are the same news. */
const PAUSE_MS = 60_000;
/** People ring twice. */
const BELL_PAUSE_MS = 5_000;
const MAX_BURST = 30;
/** After a burst, one more in this time. */
const REFILL_MS = 60_000;
/** Targets, cameras and kinds together. */
const MAX_KNOWN = 5_000;

/** How often one target is notified. Times are monotonic milliseconds. */
export class NotifyLimits {
  readonly #lastMs = new Map<string, number>();
  readonly #spent = new Map<string, { readonly count: number; readonly sinceMs: number }>();

  /** Counts the notification if it is permitted. */
  take(target: string, { path, kind }: { readonly path: string; readonly kind: string }, nowMs: number): boolean {
    const key = JSON.stringify([target, path, kind]);
    const pauseMs = kind === 'doorbell' ? BELL_PAUSE_MS : PAUSE_MS;
    if (nowMs - (this.#lastMs.get(key) ?? -Infinity) < pauseMs || !this.#hasRoom(target, nowMs)) {
      return false;
    }
    putBounded(this.#lastMs, key, nowMs, MAX_KNOWN);
    return true;
  }

  #hasRoom(target: string, nowMs: number): boolean {
    const spent = this.#spent.get(target) ?? { count: 0, sinceMs: nowMs };
    const refilled = Math.floor((nowMs - spent.sinceMs) / REFILL_MS);
    const count = Math.max(0, spent.count - refilled);
    if (count >= MAX_BURST) {
      return false;
    }
    const sinceMs = count === 0 ? nowMs : spent.sinceMs + refilled * REFILL_MS;
    putBounded(this.#spent, target, { count: count + 1, sinceMs }, MAX_KNOWN);
    return true;
  }
}
