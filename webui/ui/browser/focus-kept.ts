import { useEffect, useRef } from 'preact/hooks';

/** Keeps the focus on an item moved by keys: the browser drops it when its element moves. */
export function useFocusKept(list: { readonly current: HTMLElement | null }, order: string): void {
  const focused = useRef<HTMLElement | undefined>(undefined);
  useEffect(() => {
    const { current } = focused;
    const { activeElement } = document;
    if (current?.isConnected && (activeElement === document.body || activeElement?.tagName === 'DIALOG')) {
      current.focus();
    }
  }, [order]);
  useEffect(() => {
    const note = (event: FocusEvent) => {
      focused.current = event.target as HTMLElement;
    };
    const { current } = list;
    current?.addEventListener('focusin', note);
    return () => current?.removeEventListener('focusin', note);
  }, []);
}
