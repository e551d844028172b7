import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { words } from '../../words/words.ts';

const SHOWN_MS = 6_000;

interface Toast {
  readonly text: ComponentChildren;
  readonly onUndo?: () => void;
  /** Label of the action; default: Undo. */
  readonly way?: string;
}

const shownToast = signal<Toast | undefined>(undefined);
/** Stack of regions: an open sheet covers those below. */
const regions = signal<readonly object[]>([]);

/** Shows a message; it replaces the one before. */
export function toast(text: ComponentChildren, onUndo?: () => void): void {
  shownToast.value = onUndo ? { text, onUndo } : { text };
}

/** A message with a link. */
export function toastWithLink(text: string, way: string, to: string): void {
  const onUndo = () => {
    location.hash = to;
  };
  shownToast.value = { text, way, onUndo };
}

/**
 * A live region in the shell and in each sheet, present before messages so that screen readers observe it. Only the
 * topmost is used.
 */
export function Toasts() {
  const region = useRef({});
  useEffect(() => {
    if (regions.peek().length > 0) {
      // Older messages are not repeated in a sheet.
      shownToast.value = undefined;
    }
    regions.value = [...regions.peek(), region.current];
    return () => {
      regions.value = regions.peek().filter((one) => one !== region.current);
    };
  }, []);
  const now = regions.value.at(-1) === region.current ? shownToast.value : undefined;
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (!now || isHeld) {
      return undefined;
    }
    const timer = setTimeout(() => {
      shownToast.value = undefined;
    }, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [now, isHeld]);
  return (
    <div class="toasts" role="status" onFocusIn={() => setHeld(true)} onFocusOut={() => setHeld(false)}>
      {now && (
        <div class="toast">
          <span>{now.text}</span>
          {now.onUndo && (
            <button
              type="button"
              onClick={() => {
                shownToast.value = undefined;
                setHeld(false);
                now.onUndo?.();
              }}
            >
              {now.way ?? words.value.undo}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
