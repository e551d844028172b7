import { useEffect, useRef } from 'preact/hooks';
import { onLeaving } from '../shell/leaving.ts';

/**
 * Keys that do something as long as they are held: the one pressed last counts, and `onUp` comes when it is let go or
 * nobody looks any more.
 */
export function useHeldKeys(
  keys: readonly string[],
  onDown: (key: string) => void,
  onUp: () => void,
  isElsewhere: (target: EventTarget | null) => boolean = () => false,
): void {
  const latest = useRef({ keys, onDown, onUp, isElsewhere });
  latest.current = { keys, onDown, onUp, isElsewhere };
  useEffect(() => {
    let held: string | undefined;
    const letGo = () => {
      if (held !== undefined) {
        held = undefined;
        latest.current.onUp();
      }
    };
    const onKeyDown = (event: KeyboardEvent) => {
      const key = keyOf(event);
      const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
      if (
        hasModifier ||
        event.defaultPrevented ||
        !latest.current.keys.includes(key) ||
        isTaken(event) ||
        latest.current.isElsewhere(event.target)
      ) {
        return;
      }
      event.preventDefault();
      if (!event.repeat) {
        held = key;
        latest.current.onDown(key);
      }
    };
    const onKeyUp = (event: KeyboardEvent) => keyOf(event) === held && letGo();
    window.addEventListener('keydown', onKeyDown);
    window.addEventListener('keyup', onKeyUp);
    const forget = onLeaving(letGo);
    return () => {
      window.removeEventListener('keydown', onKeyDown);
      window.removeEventListener('keyup', onKeyUp);
      forget();
      letGo();
    };
  }, []);
}

/** `T` is `t`, whether Shift or the lock of capitals is on. */
const keyOf = ({ key }: KeyboardEvent): string => (key.length === 1 ? key.toLowerCase() : key);

/** Within a sheet keys are the sheet's. */
export const isTaken = ({ target }: Event): boolean =>
  target instanceof Element && target.closest('dialog, input, select, textarea') !== null;

/** There arrows go through time. */
export const isInSlider = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('[role=slider]') !== null;
