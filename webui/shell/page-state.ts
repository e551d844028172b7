import { signal } from '@preact/signals';
import { watchPageVisibility } from './page-visibility.ts';
import { route } from './route.ts';

/** False from five seconds after the page was hidden until it is shown again: pictures stop meanwhile. */
export const isPageVisible = signal(true);

/** The time, in Unix milliseconds, once a second while the page is shown: for all words that count. */
export const nowMs = signal(Date.now());

/** Watches the page's life; once, at the start. */
export function watchPageState(): void {
  watchPageVisibility({
    onShown: (isShown) => {
      // A display on the wall may think that nobody sees it.
      isPageVisible.value = isShown || route.peek().page === 'wall';
    },
    onTick: (ms) => {
      nowMs.value = ms;
    },
  });
}
