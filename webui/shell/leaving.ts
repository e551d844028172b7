/** Tells that the person goes: the page is hidden, left, or another window is in front. @returns what ends it */
export function onLeaving(listener: () => void): () => void {
  const onHidden = () => document.visibilityState === 'hidden' && listener();
  window.addEventListener('pagehide', listener);
  window.addEventListener('blur', listener);
  document.addEventListener('visibilitychange', onHidden);
  return () => {
    window.removeEventListener('pagehide', listener);
    window.removeEventListener('blur', listener);
    document.removeEventListener('visibilitychange', onHidden);
  };
}
