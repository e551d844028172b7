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
    const add = () => {
      history.pushState({ sheet: true }, '');
      isThere.current = true;
    };
    const onPop = () => {
      if (!isThere.current) {
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
