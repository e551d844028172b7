import type { CameraState } from '../cameras/state.ts';

/** Older ages are shown as a time. */
const COUNTED_S = 99;

/** Time of the picture in Unix milliseconds, and its age if it has stopped. Undefined without a live picture. */
export function pictureTime(
  { kind }: CameraState,
  lastFrameMs: number,
  nowMs: number,
): { readonly atMs: number } | { readonly ageS: number } | undefined {
  if (lastFrameMs === 0) {
    return undefined;
  }
  const ageS = Math.floor((nowMs - lastFrameMs) / 1000);
  switch (kind) {
    case 'reconnecting':
      return ageS > COUNTED_S ? { atMs: lastFrameMs } : { ageS };
    case 'live':
    case 'late':
      return { atMs: lastFrameMs };
    default:
      return undefined;
  }
}
