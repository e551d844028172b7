import { signal } from '@preact/signals';
import { place } from './route.ts';
import { watchPageLife } from './page-visibility.ts';

/** False from five seconds after the page was hidden until it is shown again: pictures stop meanwhile. */
export const pageShown = signal(true);

/** The time, in Unix milliseconds, once a second while the page is shown: for all words that count. */
export const nowMs = signal(Date.now());

/** Watches the page's life; once, at the start. */
export function watchPage(): void {
  watchPageLife({
    onShown: (isShown) => {
      // A display on the wall may think that nobody sees it.
      pageShown.value = isShown || place.peek().page === 'wall';
    },
    onTick: (ms) => {
      nowMs.value = ms;
    },
  });
}
