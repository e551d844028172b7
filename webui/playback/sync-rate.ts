/** Nobody sees this. */
const CLOSE_MS = 60;
/** While all stand still: each picture stands where its camera took it. */
const STILL_MS = 300;
/** Leaning would take too long. */
const FAR_MS = 700;
const LEAN = 0.08;

/**
 * By which factor a picture plays faster or slower to come into step; undefined: it has to jump.
 *
 * @param aheadMs how far it is ahead of the other
 */
export function leanFor(aheadMs: number, speed: number, isPlaying: boolean): number | undefined {
  const away = Math.abs(aheadMs);
  if (away > FAR_MS * Math.max(1, speed) || (!isPlaying && away > STILL_MS)) {
    return undefined;
  }
  return away <= CLOSE_MS * Math.max(1, speed) ? 1 : aheadMs > 0 ? 1 - LEAN : 1 + LEAN;
}
