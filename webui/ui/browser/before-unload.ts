import { mustReload } from '../../api-client/session.ts';

/** The browser asks before what was typed goes with a reload or a closed window. @returns what ends it */
export function confirmBeforeUnload(): () => void {
  const ask = (event: BeforeUnloadEvent): void => {
    // Who has logged out has been asked for all that stays.
    if (!mustReload.peek()) {
      event.preventDefault();
    }
  };
  window.addEventListener('beforeunload', ask);
  return () => window.removeEventListener('beforeunload', ask);
}
