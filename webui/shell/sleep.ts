const listeners = new Set<() => void>();

/** Calls `listener` when a retry is worthwhile: page visible again, network back, machine awake. */
export function onRetryNow(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function retryNow(): void {
  for (const listener of [...listeners]) {
    listener();
  }
}

/** Resolves after `ms`, at the next wake, or when `stop` aborts. */
export function sleep(ms: number, stop?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      forget();
      stop?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    const forget = onRetryNow(end);
    stop?.addEventListener('abort', end, { once: true });
    if (stop?.aborted) {
      end();
    }
  });
}
