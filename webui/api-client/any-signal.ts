/**
 * Aborted as soon as one of them is. As `AbortSignal.any`, which browsers of three years do not all have. What it listens to is let go
 * when it is aborted: give it one signal that comes to its end soon.
 */
export function anySignal(...signals: readonly AbortSignal[]): AbortSignal {
  const joined = new AbortController();
  for (const signal of signals) {
    const end = () => joined.abort(signal.reason);
    if (signal.aborted) {
      end();
    } else {
      signal.addEventListener('abort', end, { once: true, signal: joined.signal });
    }
  }
  return joined.signal;
}
