import { putBounded } from '../../../base/bounded-map.ts';

/** An event of the same kind and camera is not notified again within this time. */
const PAUSE_MS = 60_000;
/** The same for the doorbell: people ring twice. */
const BELL_PAUSE_MS = 5_000;
/** After a burst, one further notification is permitted in each such time. */
const REFILL_MS = 60_000;
/** Maximum number of known combinations of target, camera and kind. */
const MAX_KNOWN = 5_000;

/** Limits how often one target is notified. Times are monotonic milliseconds. */
export class NotifyLimits {
  readonly #lastMs = new Map<string, number>();
  readonly #spent = new Map<string, { readonly count: number; readonly sinceMs: number }>();

  /** Whether the notification is permitted; if so, it is counted. */
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
    if (count >= 30) {
      return false;
    }
    const sinceMs = count === 0 ? nowMs : spent.sinceMs + refilled * REFILL_MS;
    putBounded(this.#spent, target, { count: count + 1, sinceMs }, MAX_KNOWN);
    return true;
  }
}
