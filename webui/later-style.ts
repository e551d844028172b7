let fetched: Promise<void> | undefined;

/** The style of all that is not shown first. Pages that come later wait for it, so that none is seen without. */
export function laterStyle(): Promise<void> {
  fetched ??= fetchStyle().catch((error: unknown) => {
    fetched = undefined;
    throw error;
  });
  return fetched;
}

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
