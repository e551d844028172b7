import { retryNow } from './sleep.ts';

const HIDDEN_STOP_MS = 5_000;
/** A tick that comes this late: the device slept in between. */
const SLEPT_MS = 10_000;
const TICK_MS = 1_000;

interface VisibilityListener {
  /** False from five seconds after the page was hidden until it is shown again: pictures may stop meanwhile. */
  onShown(isShown: boolean): void;
  /** Once a second while the page is shown, and when it is shown again. */
  onTick?(nowMs: number): void;
}

/** Watches the page's life for as long as there is one, and wakes whoever waits to try again. */
export function watchPageVisibility(life: VisibilityListener): void {
  let hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  let tickedMs = Date.now();
  const tick = () => {
    tickedMs = Date.now();
    life.onTick?.(tickedMs);
  };
  const onChange = () => {
    clearTimeout(hiddenTimer);
    if (document.visibilityState === 'hidden') {
      hiddenTimer = setTimeout(() => life.onShown(false), HIDDEN_STOP_MS);
      return;
    }
    tick();
    life.onShown(true);
    retryNow();
  };
  document.addEventListener('visibilitychange', onChange);
  window.addEventListener('online', retryNow);
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) {
      onChange();
    }
  });
  setInterval(() => {
    if (document.visibilityState === 'visible') {
      const hasSlept = Date.now() - tickedMs > SLEPT_MS;
      tick();
      if (hasSlept) {
        retryNow();
      }
    }
  }, TICK_MS);
}
