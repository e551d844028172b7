import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { words } from '../words/words.ts';

const SHOWN_MS = 6_000;

interface Toast {
  readonly text: string;
  readonly onUndo?: () => void;
}

const shown = signal<Toast | undefined>(undefined);

/** Says what was done, below; the next one takes its place. */
export function toast(text: string, onUndo?: () => void): void {
  shown.value = onUndo ? { text, onUndo } : { text };
}

/** Once, in the shell: the region is there before it says anything, so that screen readers listen to it. */
export function Toasts() {
  const now = shown.value;
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
              {words.value.undo}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
