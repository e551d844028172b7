import type { Span } from '../api-client/recordings.ts';

/** Right before its end a recording may have no picture any more. */
const REST_MS = 200;
/** A picture that is further away shows something else. */
const NEAR_MS = 5_000;

/** The recorded moment that is nearest; undefined when there is none near. */
export function nearPicture(spans: readonly Span[], ms: number): number | undefined {
  let best: number | undefined;
  for (const { startMs, endMs } of spans) {
    // It begins within that millisecond.
    const firstMs = startMs + 1;
    const at = Math.min(Math.max(ms, firstMs), Math.max(firstMs, endMs - REST_MS));
    if (best === undefined || Math.abs(at - ms) < Math.abs(best - ms)) {
      best = at;
    }
  }
  return best !== undefined && Math.abs(best - ms) <= NEAR_MS ? best : undefined;
}
