import { signal } from '@preact/signals';

const HIDDEN_STOP_MS = 5_000;
/** A tick that comes this late: the device slept in between. */
const SLEPT_MS = 10_000;
const TICK_MS = 1_000;

/** False from five seconds after the page was hidden until it is shown again: pictures stop meanwhile. */
export const pageShown = signal(true);

/** The time, in Unix milliseconds, once a second while the page is shown: for all words that count. */
export const nowMs = signal(Date.now());

const listeners = new Set<() => void>();

/** Calls `listener` when trying again at once is worth it: shown again, network is back, woken from sleep. */
export function onWake(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function wake(): void {
  for (const listener of [...listeners]) {
    listener();
  }
}

/** Resolves after `ms`, at the next wake, or as soon as `stop` aborts, whichever comes first. */
export function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      forget();
      stop.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    const forget = onWake(end);
    stop.addEventListener('abort', end, { once: true });
    if (stop.aborted) {
      end();
    }
  });
}

/** Watches the page's life; once, at the start. */
export function watchPage(): void {
  let hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  const onChange = () => {
    clearTimeout(hiddenTimer);
    if (document.visibilityState === 'hidden') {
      hiddenTimer = setTimeout(() => {
        pageShown.value = false;
      }, HIDDEN_STOP_MS);
      return;
    }
    nowMs.value = Date.now();
    pageShown.value = true;
    wake();
  };
  document.addEventListener('visibilitychange', onChange);
  window.addEventListener('online', wake);
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) {
      onChange();
    }
  });
  setInterval(() => {
    const sinceMs = Date.now() - nowMs.peek();
    if (document.visibilityState === 'visible') {
      nowMs.value = Date.now();
      if (sinceMs > SLEPT_MS) {
        wake();
      }
    }
  }, TICK_MS);
}
