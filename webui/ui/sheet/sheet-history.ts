import { useLayoutEffect, useRef } from 'preact/hooks';
import { addEntry, goBack, goBackSoon } from '../../shell/back.ts';

interface HistoryEntry {
  /** False for sheets with an address of their own. */
  readonly isOn: boolean;
  readonly mayClose: () => boolean;
  /** Called by Back, or if there is no entry. */
  readonly onBack: () => void;
}

/** Adds a history entry, so that Back closes the sheet. @returns closes it from the page */
export function useHistoryEntry(options: HistoryEntry): () => void {
  const latest = useRef(options);
  latest.current = options;
  const isThere = useRef(false);
  const isAllowed = useRef(false);
  // In the commit: a sheet that replaces another one adds its entry after the other's Back has begun. Effects have no such order.
  useLayoutEffect(() => {
    if (!latest.current.isOn) {
      return undefined;
    }
    let depth = 0;
    const add = () => {
      // A sheet above another one has an entry above its entry.
      depth = sheetsBelow() + 1;
      history.pushState({ sheet: depth }, '');
      isThere.current = true;
    };
    const onPop = () => {
      if (!isThere.current || sheetsBelow() >= depth) {
        return;
      }
      isThere.current = false;
      if (isAllowed.current || latest.current.mayClose()) {
        latest.current.onBack();
      } else {
        add();
      }
    };
    const cancel = addEntry(add);
    window.addEventListener('popstate', onPop);
    return () => {
      cancel();
      window.removeEventListener('popstate', onPop);
      if (isThere.current && history.state?.sheet) {
        goBackSoon(() => Boolean(history.state?.sheet));
      }
    };
  }, []);
  return () => {
    if (isAllowed.current && isThere.current) {
      // Back is under way.
      return;
    }
    isAllowed.current = true;
    if (isThere.current) {
      goBack();
    } else {
      latest.current.onBack();
    }
  };
}

/** Number of sheets up to the present history entry. */
const sheetsBelow = (): number => Number(history.state?.sheet ?? 0);
