import { effect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { replaceAddress } from '../shell/navigation.ts';
import { recordingsLink } from '../shell/route.ts';
import { atMs, clip } from '../timeline/view.ts';

/** Browsers take a hundred changes in half a minute. */
const EVERY_MS = 1_000;

/** A link leads to the second that is seen, and to what is marked. */
export function useMomentInAddress(name: string, isOfAll: boolean): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const write = () => {
      timer = undefined;
      if (history.state?.sheet) {
        // The entry is the sheet's: closing it would lead back to what stands in the one below.
        timer = setTimeout(write, EVERY_MS);
        return;
      }
      const [ms, marked] = [atMs.peek(), clip.peek()];
      if (ms !== undefined) {
        replaceAddress(
          recordingsLink(name, { atMs: ms, ...(isOfAll ? { all: true } : {}), ...(marked ? { clip: marked } : {}) }),
        );
      }
    };
    const stop = effect(() => {
      atMs.value;
      clip.value;
      timer ??= setTimeout(write, EVERY_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [name, isOfAll]);
}
