import { useEffect, useRef } from 'preact/hooks';
import { hasModifier } from '../ui/browser/keys.ts';

/**
 * Keys that act while held. The last one pressed counts. `onUp` is called on release, and when the page loses focus.
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
    const releasePlayer = () => {
      if (held !== undefined) {
        held = undefined;
        latest.current.onUp();
      }
    };
    const onKeyDown = (event: KeyboardEvent) => {
      const key = keyName(event);
      if (
        hasModifier(event) ||
        event.defaultPrevented ||
        !latest.current.keys.includes(key) ||
        ownsKeys(event) ||
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
    const onKeyUp = (event: KeyboardEvent) => keyName(event) === held && releasePlayer();
    window.addEventListener('keydown', onKeyDown);
    window.addEventListener('keyup', onKeyUp);
    const forget = onPageLeave(releasePlayer);
    return () => {
      window.removeEventListener('keydown', onKeyDown);
      window.removeEventListener('keyup', onKeyUp);
      forget();
      releasePlayer();
    };
  }, []);
}

/** `T` counts as `t`. */
const keyName = ({ key }: KeyboardEvent): string => (key.length === 1 ? key.toLowerCase() : key);

/** Within a sheet, keys belong to the sheet. */
export const ownsKeys = ({ target }: Event): boolean =>
  target instanceof Element && target.closest('dialog, input, select, textarea') !== null;

/** Whether the element is in a slider, such as the timeline, which uses the arrow keys itself. */
export const isInSlider = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('[role=slider]') !== null;

/** Calls back when the page is hidden, closed or loses focus. @returns removes the listeners */
export function onPageLeave(listener: () => void): () => void {
  const onHidden = () => document.visibilityState === 'hidden' && listener();
  window.addEventListener('pagehide', listener);
  window.addEventListener('blur', listener);
  document.addEventListener('visibilitychange', onHidden);
  return () => {
    window.removeEventListener('pagehide', listener);
    window.removeEventListener('blur', listener);
    document.removeEventListener('visibilitychange', onHidden);
  };
}
