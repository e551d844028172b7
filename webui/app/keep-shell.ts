/** Has the browser keep the page's shell, where it may: on https that it trusts, and on localhost. */
export function keepShell(): void {
  if (isSecureContext && 'serviceWorker' in navigator) {
    // What is seen first comes first.
    window.addEventListener('load', () => {
      // A certificate that the browser does not trust: the page works without.
      navigator.serviceWorker.register('shell-worker.js').catch(() => {});
    });
  }
}
