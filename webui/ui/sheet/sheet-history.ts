import { useEffect, useRef } from 'preact/hooks';

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
  useEffect(() => {
    if (!latest.current.isOn) {
      return undefined;
    }
    // A sheet above another one has an entry above its entry.
    const depth = sheetsBelow() + 1;
    const add = () => {
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
    add();
    window.addEventListener('popstate', onPop);
    return () => {
      window.removeEventListener('popstate', onPop);
      if (isThere.current && history.state?.sheet) {
        history.back();
      }
    };
  }, []);
  return () => {
    isAllowed.current = true;
    if (isThere.current) {
      history.back();
    } else {
      latest.current.onBack();
    }
  };
}

/** Of the present history entry. */
const sheetsBelow = (): number => Number(history.state?.sheet ?? 0);
