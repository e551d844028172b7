/**
 * Aborts as soon as one of the signals does. `AbortSignal.any` is missing in browsers of three years ago. The listeners
 * are removed on abort, so pass at least one signal that ends soon.
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
