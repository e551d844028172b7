import { retryNow } from './sleep.ts';

const HIDDEN_STOP_MS = 5_000;
/** A tick this late means that the machine slept. */
const SLEPT_MS = 10_000;
const TICK_MS = 1_000;

interface VisibilityListener {
  /** False from five seconds after the page was hidden. */
  onShown(isShown: boolean): void;
  /** Each second while the page is visible, and when it becomes visible. */
  onTick?(nowMs: number): void;
}

/** Call it once. It also wakes pending retries. */
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
