/** What of time the timeline shows, Unix milliseconds. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export const MIN_MS = 1_000;
export const MAX_MS = 31 * 86_400_000;

/** As long as it may be, around the same share of the window. */
export function windowOf(lengthMs: number, aroundMs: number, share: number): Window {
  const length = Math.min(MAX_MS, Math.max(MIN_MS, lengthMs));
  const fromMs = aroundMs - share * length;
  return { fromMs, toMs: fromMs + length };
}

/** `factor` above 1 shows more detail; the moment `aroundMs` stays where it is. */
export function zoomed({ fromMs, toMs }: Window, factor: number, aroundMs: number): Window {
  const length = toMs - fromMs;
  return windowOf(length / factor, aroundMs, (aroundMs - fromMs) / length);
}

/** The window around the moment when it has left it. */
export function including({ fromMs, toMs }: Window, ms: number): Window {
  const length = toMs - fromMs;
  if (ms < fromMs || ms > toMs) {
    return windowOf(length, ms, 0.5);
  }
  return { fromMs, toMs };
}
