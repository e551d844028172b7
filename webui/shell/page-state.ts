import { signal } from '@preact/signals';
import { watchPageVisibility } from './page-visibility.ts';
import { route } from './route.ts';

/** False from five seconds after the page was hidden; video stops then. */
export const isPageVisible = signal(true);

/** Whether there are events that this person has not seen. */
export const hasNewEvents = signal(false);

/** Unix milliseconds, each second while the page is visible. */
export const nowMs = signal(Date.now());

/** Call it once at startup. */
export function watchPageState(): void {
  watchPageVisibility({
    onShown: (isShown) => {
      // A wall display may be reported as hidden.
      isPageVisible.value = isShown || route.peek().page === 'wall';
    },
    onTick: (ms) => {
      nowMs.value = ms;
    },
  });
}
