import { drawn } from '../icons/icon.tsx';

let fetched: Promise<unknown> | undefined;

/** Style and icons of all that is not shown first. Pages that come later wait for them, so that none is seen without. */
export function laterLooks(): Promise<unknown> {
  fetched ??= Promise.all([fetchStyle(), fetchIcons()]).catch((error: unknown) => {
    fetched = undefined;
    throw error;
  });
  return fetched;
}

const fetchIcons = async () => Object.assign(drawn, (await import('../icons/later-icons.ts')).LATER_ICONS);

/** The build puts its name into the page. It stands behind the style that came first: later rules win. */
function fetchStyle(): Promise<void> {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = document.querySelector<HTMLMetaElement>('meta[name="later-style"]')?.content ?? '';
  return new Promise((resolve, reject) => {
    link.addEventListener('load', () => resolve());
    link.addEventListener('error', () => {
      link.remove();
      reject(new Error('the style did not come'));
    });
    document.body.append(link);
  });
}
