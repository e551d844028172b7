import type { CameraState } from '../cameras/state.ts';

/** The longest age that is counted in seconds. */
const COUNTED_S = 99;

/** Of when the picture is, in Unix milliseconds; how old it has become where it has halted. Undefined where there is none of now. */
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
