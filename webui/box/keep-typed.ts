import { isLeft } from './session.ts';

let keptCount = 0;

/** Inputs that hold text. */
const TEXT = 'textarea, input:not([type=radio], [type=checkbox], [type=range], [type=file], [readonly])';

/** Whether something was typed that a reload would lose. */
export function isTyping(): boolean {
  const fields = document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(TEXT);
  return keptCount > 0 || [...fields].some((field) => field.value !== '');
}

/** The browser asks before what was typed goes with a reload or a closed window. @returns what ends it */
export function askBeforeUnload(): () => void {
  const ask = (event: BeforeUnloadEvent): void => {
    // Who has logged out has been asked for all that stays.
    if (!isLeft.peek()) {
      event.preventDefault();
    }
  };
  window.addEventListener('beforeunload', ask);
  keptCount += 1;
  return () => {
    window.removeEventListener('beforeunload', ask);
    keptCount -= 1;
  };
}
