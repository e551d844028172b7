const listeners = new Set<() => void>();

/** Calls `listener` when trying again at once is worth it: shown again, network is back, woken from sleep. */
export function onRetryNow(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function retryNow(): void {
  for (const listener of [...listeners]) {
    listener();
  }
}

/** Resolves after `ms`, at the next wake, or as soon as `stop` aborts, whichever comes first. */
export function sleep(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      forget();
      stop.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    const forget = onRetryNow(end);
    stop.addEventListener('abort', end, { once: true });
    if (stop.aborted) {
      end();
    }
  });
}
