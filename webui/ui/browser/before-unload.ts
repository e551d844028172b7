import { mustReload } from '../../api-client/session.ts';

/** The browser asks before unsaved changes are lost. @returns removes the listener */
export function confirmBeforeUnload(): () => void {
  const ask = (event: BeforeUnloadEvent): void => {
    // A logout has asked already.
    if (!mustReload.peek()) {
      event.preventDefault();
    }
  };
  window.addEventListener('beforeunload', ask);
  return () => window.removeEventListener('beforeunload', ask);
}
