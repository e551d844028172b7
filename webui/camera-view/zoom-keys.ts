import { useEffect } from 'preact/hooks';
import { isInSlider, ownsKeys } from './held-keys.ts';
import { isZoomed } from './picture-zoom.ts';

const STEP = 1.5;
/** From the whole picture. */
const FIRST_STEP = 2;
/** Per press, as a share of the screen. */
const PAN_SHARE = 0.15;

const PANS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [PAN_SHARE, 0],
  ArrowRight: [-PAN_SHARE, 0],
  ArrowUp: [0, PAN_SHARE],
  ArrowDown: [0, -PAN_SHARE],
};
const ZOOMS: Readonly<Record<string, number>> = { '+': STEP, '=': STEP, '-': 1 / STEP };

interface ZoomKeys {
  readonly enlarge: (factor: number) => void;
  /** As a share of the screen. */
  readonly pan: (x: number, y: number) => void;
}

/**
 * + and - zoom the picture, unless they zoom the camera; Z always does. While zoomed, these and the arrows belong to
 * the picture.
 */
export function useZoomKeys({ enlarge, pan }: ZoomKeys): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || ownsKeys(event)) {
        return;
      }
      const { key } = event;
      const by = isZoomed() || !cameraHasZoom() ? ZOOMS[key] : undefined;
      const factor = by ?? (key === 'z' || key === 'Z' ? FIRST_STEP : undefined);
      const way = isZoomed() && !isInSlider(event.target) ? PANS[key] : undefined;
      if (factor !== undefined) {
        enlarge(factor);
      } else if (way) {
        pan(...way);
      } else {
        return;
      }
      event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

/** The camera has optical zoom, and the user is its owner. */
export const cameraHasZoom = (): boolean => document.querySelector('.camera-view .rocker') !== null;
