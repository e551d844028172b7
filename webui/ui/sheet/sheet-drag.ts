import type { RefObject, TargetedPointerEvent } from 'preact';
import { useRef } from 'preact/hooks';

/** Beyond this share of its height it was meant. */
const FAR = 0.3;
/** Pixels in a millisecond: a flick. */
const FAST = 0.6;

type Pointer = TargetedPointerEvent<HTMLElement>;

/** The sheet follows the finger down one to one, can be caught again, and closes when it was dragged far or fast. */
export function useDrag(dialog: RefObject<HTMLElement | null>, close: () => void) {
  const from = useRef<{ y: number; atMs: number } | undefined>(undefined);
  const move = (px: number) => {
    if (dialog.current) {
      dialog.current.style.translate = px > 0 ? `0 ${px}px` : '';
    }
  };
  const end = (event: Pointer) => {
    const start = from.current;
    from.current = undefined;
    if (!start) {
      return;
    }
    const px = event.clientY - start.y;
    const isFar = px > (dialog.current?.offsetHeight ?? 0) * FAR;
    const isFast = px > 24 && px / Math.max(1, event.timeStamp - start.atMs) > FAST;
    move(0);
    if (event.type === 'pointerup' && (isFar || isFast)) {
      close();
    }
  };
  return {
    onPointerDown: (event: Pointer) => {
      const isFinger = event.pointerType !== 'mouse' && !(event.target as Element).closest('button');
      if (isFinger) {
        from.current = { y: event.clientY, atMs: event.timeStamp };
        event.currentTarget.setPointerCapture(event.pointerId);
      }
    },
    onPointerMove: (event: Pointer) => from.current && move(event.clientY - from.current.y),
    onPointerUp: end,
    onPointerCancel: end,
  };
}
