import type { Playback } from '../../playback/playback.ts';

/** A folder of many thousand names is not read again for each file. */
const SCAN_MS = 30_000;

/** How much of a range a path's recordings have, in microseconds. */
export function recordedUsOf(
  playback: Pick<Playback, 'measure'>,
  path: string,
  monoMs: () => number,
): (startUs: number, endUs: number) => Promise<number> {
  let scannedMs = Number.NEGATIVE_INFINITY;
  return async (startUs, endUs) => {
    const isDue = monoMs() - scannedMs >= SCAN_MS;
    scannedMs = isDue ? monoMs() : scannedMs;
    return (await playback.measure({ path, startUs, endUs }, isDue)).recordedUs;
  };
}
