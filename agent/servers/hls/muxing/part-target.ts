/** Parts may tremble by so much before one of them has to do with a sample less. */
const SPARE = 1.08;

/** The part target duration (RFC 8216bis §4.4.3.7) in whole milliseconds: of as many samples as come nearest to what is wanted. */
export function partTargetMs(sampleMs: number, wantedMs: number): number {
  const samples = Math.max(1, Math.round(wantedMs / sampleMs));
  // What floating point adds is not a millisecond more.
  return Math.ceil(samples * sampleMs * SPARE - 1e-6);
}

/** All but independent parts and the last of a segment reach this share of the target (§4.4.4.9). */
export const FULL_PART = 0.85;
