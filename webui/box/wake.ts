import { signal } from '@preact/signals';
import { watchPageLife } from './page-life.ts';

/** False from five seconds after the page was hidden until it is shown again: pictures stop meanwhile. */
export const pageShown = signal(true);

/** The time, in Unix milliseconds, once a second while the page is shown: for all words that count. */
export const nowMs = signal(Date.now());

/** Watches the page's life; once, at the start. */
export function watchPage(): void {
  watchPageLife({
    onShown: (isShown) => {
      pageShown.value = isShown;
    },
    onTick: (ms) => {
      nowMs.value = ms;
    },
  });
}
