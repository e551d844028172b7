import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { words } from '../../words/words.ts';

const SHOWN_MS = 6_000;

interface Toast {
  readonly text: ComponentChildren;
  readonly onUndo?: () => void;
  /** What is done in the place of undoing. */
  readonly way?: string;
}

const shown = signal<Toast | undefined>(undefined);
/** Where it can be said: what lies under an open sheet is out of reach. */
const places = signal<readonly object[]>([]);

/** Says what was done, below; the next one takes its place. */
export function toast(text: ComponentChildren, onUndo?: () => void): void {
  shown.value = onUndo ? { text, onUndo } : { text };
}

/** Says what happened, and where one goes on. */
export function toastWithLink(text: string, way: string, to: string): void {
  const onUndo = () => {
    location.hash = to;
  };
  shown.value = { text, way, onUndo };
}

/** In the shell, and in each sheet: the region is there before it says anything, so that screen readers listen to it. The topmost speaks. */
export function Toasts() {
  const place = useRef({});
  useEffect(() => {
    if (places.peek().length > 0) {
      // What was said before a sheet opened is not about the sheet.
      shown.value = undefined;
    }
    places.value = [...places.peek(), place.current];
    return () => {
      places.value = places.peek().filter((one) => one !== place.current);
    };
  }, []);
  const now = places.value.at(-1) === place.current ? shown.value : undefined;
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (!now || isHeld) {
      return undefined;
    }
    const timer = setTimeout(() => {
      shown.value = undefined;
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
                shown.value = undefined;
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
