import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { hasModifier } from '../ui/browser/keys.ts';
import { isInSlider, ownsKeys } from './held-keys.ts';
import { isZoomed, panned, resetZoom, swipeOf, type Zoom, zoom, zoomAt } from './picture-zoom.ts';

const STEP = 1.5;
/** Factor of the first step, from the whole picture. */
const FIRST_STEP = 2;
/** Distance of one key press, as a share of the screen. */
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
  /** Moves the picture by shares of the screen. */
  readonly pan: (x: number, y: number) => void;
}

/**
 * + and - zoom the picture, unless they zoom the camera; Z always does. While zoomed, these and the arrows belong to
 * the picture.
 */
function useZoomKeys({ enlarge, pan }: ZoomKeys): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (hasModifier(event) || event.defaultPrevented || ownsKeys(event)) {
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

/** Whether the page shows the zoom buttons of the camera, as it does to the owner of one with optical zoom. */
const cameraHasZoom = (): boolean => document.querySelector('.camera-view .rocker') !== null;

const DOUBLE_TAP_MS = 300;
const SAME_PLACE_PX = 30;
const DOUBLE = 2;
/** Zoom per pixel of a wheel. A touchpad pinch reports fewer pixels, as a wheel with Ctrl. */
const WHEEL = 0.0025;
const PINCH = 0.01;
/** Pixels per line (`DOM_DELTA_LINE`). */
const LINE_PX = 40;

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Tap extends Point {
  readonly atMs: number;
}

interface GestureListener {
  readonly onSwipe: (to: 'next' | 'before' | 'back') => void;
  /** @returns whether the tap is used up: a second one does not zoom */
  readonly onTap: (at: Point) => boolean;
}

/**
 * Two fingers, a wheel or keys zoom, one finger pans, a double tap doubles; swipes navigate while not zoomed. Taps are
 * detected here, because the pointer is captured.
 */
export function usePictureGestures(screen: RefObject<HTMLElement | null>, { onSwipe, onTap }: GestureListener): object {
  useLayoutEffect(() => resetZoom, []);
  const fingers = useRef(new Map<number, Point>());
  const begun = useRef<(Point & { readonly isAlone: boolean }) | undefined>(undefined);
  const lastTap = useRef<Tap | undefined>(undefined);
  const size = () => ({ width: screen.current?.clientWidth ?? 1, height: screen.current?.clientHeight ?? 1 });
  const fromMiddle = ({ x, y }: Point): Point => {
    const { left, top, width, height } = screen.current?.getBoundingClientRect() ?? new DOMRect();
    return { x: x - left - width / 2, y: y - top - height / 2 };
  };
  const setZoom = (next: (now: Zoom) => Zoom) => {
    zoom.value = next(zoom.peek());
  };
  const enlarge = (factor: number, at: Point) => setZoom((now) => zoomAt(now, factor, at, size()));
  const pan = (byX: number, byY: number) => setZoom((now) => panned(now, byX, byY, size()));
  const double = (at: Point) => (isZoomed() ? resetZoom() : enlarge(DOUBLE, fromMiddle(at)));
  useZoomKeys({
    enlarge: (factor) => enlarge(factor, { x: 0, y: 0 }),
    pan: (x, y) => pan(x * size().width, y * size().height),
  });
  const move = (id: number, to: Point) => {
    const from = fingers.current.get(id);
    if (!from) {
      return;
    }
    const other = [...fingers.current].find(([one]) => one !== id)?.[1];
    fingers.current.set(id, to);
    if (other) {
      const factor = distance(to, other) / Math.max(1, distance(from, other));
      const middle = { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 };
      enlarge(factor, fromMiddle(middle));
    } else {
      pan(to.x - from.x, to.y - from.y);
    }
  };
  const lift = (event: PointerEvent) => {
    const at = { x: event.clientX, y: event.clientY };
    const start = begun.current;
    if (!fingers.current.delete(event.pointerId) || fingers.current.size > 0 || !start?.isAlone) {
      return;
    }
    if (distance(start, at) < SAME_PLACE_PX) {
      const before = lastTap.current;
      const isSecond = before && event.timeStamp - before.atMs < DOUBLE_TAP_MS && distance(before, at) < SAME_PLACE_PX;
      lastTap.current = isSecond ? undefined : { ...at, atMs: event.timeStamp };
      if (!onTap(at) && isSecond) {
        double(at);
      }
      return;
    }
    const to = swipeOf(at.x - start.x, at.y - start.y);
    if (to && !isZoomed() && event.pointerType !== 'mouse') {
      onSwipe(to);
    }
  };
  return {
    onWheel: (event: WheelEvent) => {
      if (event.ctrlKey || !cameraHasZoom()) {
        event.preventDefault();
        const px = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1);
        enlarge(Math.exp(-px * (event.ctrlKey ? PINCH : WHEEL)), fromMiddle({ x: event.clientX, y: event.clientY }));
      }
    },
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0) {
        return;
      }
      const at = { x: event.clientX, y: event.clientY };
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      fingers.current.set(event.pointerId, at);
      begun.current = { ...at, isAlone: fingers.current.size === 1 };
    },
    onPointerMove: (event: PointerEvent) => move(event.pointerId, { x: event.clientX, y: event.clientY }),
    onPointerUp: lift,
    onPointerCancel: ({ pointerId }: PointerEvent) => fingers.current.delete(pointerId),
  };
}

const distance = (one: Point, other: Point): number => Math.hypot(one.x - other.x, one.y - other.y);
