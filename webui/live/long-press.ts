import { useRef } from 'preact/hooks';

const HOLD_MS = 450;
/** Tolerance for a resting finger, in pixels. */
const STILL_PX = 10;

/**
 * Long press, context-menu key or Shift+F10. The click at the end of a press is suppressed; a mouse gets the browser's
 * menu. @param onDrag the finger moves after a long press
 */
export function useLongPress(onHold: () => void, onDrag: () => void) {
  const finger = useRef<{ timer: ReturnType<typeof setTimeout>; x: number; y: number } | undefined>(undefined);
  const wasHeld = useRef(false);
  const end = () => {
    clearTimeout(finger.current?.timer);
    finger.current = undefined;
  };
  const hold = () => {
    wasHeld.current = true;
    onHold();
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      end();
      wasHeld.current = false;
      if (event.pointerType !== 'mouse' && isOnTile(event)) {
        finger.current = { timer: setTimeout(hold, HOLD_MS), x: event.clientX, y: event.clientY };
      }
    },
    onPointerMove: (event: PointerEvent) => {
      const { x, y } = finger.current ?? { x: event.clientX, y: event.clientY };
      if (Math.hypot(event.clientX - x, event.clientY - y) > STILL_PX) {
        end();
        if (wasHeld.current) {
          onDrag();
        }
      }
    },
    onPointerUp: end,
    onPointerCancel: end,
    onClickCapture: (event: MouseEvent) => {
      // A key has no detail.
      if (wasHeld.current && event.detail > 0 && isOnTile(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
      wasHeld.current = false;
    },
    onContextMenu: (event: Event) => {
      // Older Safari reports no pointer type; there only a mouse comes here.
      const { pointerType = 'mouse' } = event as Partial<PointerEvent>;
      if (pointerType !== 'mouse' && isOnTile(event)) {
        event.preventDefault();
      }
    },
    onKeyDown: (event: KeyboardEvent) => {
      if (isOnTile(event) && (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey))) {
        event.preventDefault();
        onHold();
      }
    },
  };
}

const isOnTile = ({ target }: Event): boolean => target instanceof Element && target.closest('.tile') !== null;
