import type { RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { panned, swipeOf, WHOLE, type Zoom, zoomAt } from './picture-zoom.ts';

const DOUBLE_TAP_MS = 300;
const SAME_PLACE_PX = 30;
const DOUBLE = 2;

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Tap extends Point {
  readonly atMs: number;
}

/** Two fingers enlarge the picture, one moves what is enlarged, two taps double it; a swipe leads away from the whole one. */
export function usePictureHand(
  screen: RefObject<HTMLElement | null>,
  onSwipe: (to: 'next' | 'before' | 'back') => void,
): { readonly zoom: Zoom; readonly hand: object } {
  const [zoom, setZoom] = useState(WHOLE);
  const fingers = useRef(new Map<number, Point>());
  const begun = useRef<(Point & { readonly isAlone: boolean }) | undefined>(undefined);
  const lastTap = useRef<Tap | undefined>(undefined);
  const size = () => ({ width: screen.current?.clientWidth ?? 1, height: screen.current?.clientHeight ?? 1 });
  const fromMiddle = ({ x, y }: Point): Point => {
    const { left, top, width, height } = screen.current?.getBoundingClientRect() ?? new DOMRect();
    return { x: x - left - width / 2, y: y - top - height / 2 };
  };
  const double = (at: Point) => setZoom((now) => (now.scale > 1 ? WHOLE : zoomAt(now, DOUBLE, fromMiddle(at), size())));
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
      setZoom((now) => zoomAt(now, factor, fromMiddle(middle), size()));
    } else {
      setZoom((now) => panned(now, to.x - from.x, to.y - from.y, size()));
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
      if (isSecond) {
        double(at);
      }
      return;
    }
    const to = swipeOf(at.x - start.x, at.y - start.y);
    if (to && zoom.scale === 1 && event.pointerType !== 'mouse') {
      onSwipe(to);
    }
  };
  const hand = {
    onPointerDown: (event: PointerEvent) => {
      const at = { x: event.clientX, y: event.clientY };
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      fingers.current.set(event.pointerId, at);
      begun.current = { ...at, isAlone: fingers.current.size === 1 };
    },
    onPointerMove: (event: PointerEvent) => move(event.pointerId, { x: event.clientX, y: event.clientY }),
    onPointerUp: lift,
    onPointerCancel: ({ pointerId }: PointerEvent) => fingers.current.delete(pointerId),
  };
  return { zoom, hand };
}

const distance = (one: Point, other: Point): number => Math.hypot(one.x - other.x, one.y - other.y);
