import { signal } from '@preact/signals';

/** `x` and `y`: offset of the centre in pixels. */
export interface Zoom {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

export const NO_ZOOM: Zoom = { scale: 1, x: 0, y: 0 };

/** Zooms by `factor` around the point `at`, which is relative to the centre of the screen. */
export function zoomAt({ scale, x, y }: Zoom, factor: number, at: { x: number; y: number }, size: Size): Zoom {
  const next = Math.min(6, Math.max(1, scale * factor));
  const grown = next / scale;
  return within({ scale: next, x: at.x - (at.x - x) * grown, y: at.y - (at.y - y) * grown }, size);
}

export const panned = ({ scale, x, y }: Zoom, byX: number, byY: number, size: Size): Zoom =>
  within({ scale, x: x + byX, y: y + byY }, size);

/** Limits the offset so that the picture covers the screen. */
function within({ scale, x, y }: Zoom, { width, height }: Size): Zoom {
  const held = (value: number, length: number) => {
    const most = ((scale - 1) * length) / 2;
    return Math.min(most, Math.max(-most, value)) + 0;
  };
  return { scale, x: held(x, width), y: held(y, height) };
}

const SWIPE_PX = 60;

/** Direction of a swipe. */
export function swipeOf(byX: number, byY: number): 'next' | 'before' | 'back' | undefined {
  if (Math.abs(byX) > SWIPE_PX && Math.abs(byX) > 2 * Math.abs(byY)) {
    return byX < 0 ? 'next' : 'before';
  }
  return byY > SWIPE_PX && byY > 2 * Math.abs(byX) ? 'back' : undefined;
}

/** Zoom of the open camera. */
export const zoom = signal(NO_ZOOM);

/** While zoomed, keys move the picture. */
export const isZoomed = (): boolean => zoom.peek().scale > 1;

export const resetZoom = (): void => {
  zoom.value = NO_ZOOM;
};
