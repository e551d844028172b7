import { useEffect, useRef } from 'preact/hooks';

interface HistoryEntry {
  /** False for sheets that have an address: Back changes that. */
  readonly isOn: boolean;
  readonly mayClose: () => boolean;
  /** The entry is gone, or there was none: close now. */
  readonly onBack: () => void;
}

/** An entry of the history for what is open, so that Back closes it first. The answer closes it from the page. */
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
