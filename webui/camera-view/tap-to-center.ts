import { signal } from '@preact/signals';
import type { Bounds } from '../player/video-surface.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { failureText, sendPtz } from './ptz-api.ts';

/** Whether a tap on the picture turns the camera, so that this point is in its centre. */
export const centersOnTap = signal(false);

/** Counts taps that have turned a camera: it stands at no preset then. */
export const centerings = signal(0);

/** The point as shares of the picture from its top left; undefined: it is beside the picture. */
export function shareOf(
  { left, top, width, height }: Bounds,
  point: { readonly x: number; readonly y: number },
): { x: number; y: number } | undefined {
  const [x, y] = [(point.x - left) / width, (point.y - top) / height];
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? { x: rounded(x), y: rounded(y) } : undefined;
}

const rounded = (share: number): number => Math.round(share * 1_000) / 1_000;

/** @param bounds of the picture; undefined: there is none */
export function centerOn(camera: string, bounds: Bounds | undefined, point: { x: number; y: number }): void {
  const share = bounds && shareOf(bounds, point);
  if (share) {
    sendPtz(camera, 'center', share).then(
      () => {
        centerings.value += 1;
      },
      (error: unknown) => toast(failureText(cameraViewWords.peek().notTurned, error)),
    );
  }
}
