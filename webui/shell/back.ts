let isGoingBack = false;
const waiting = new Set<() => void>();

/** Back, by the page itself. */
export function goBack(): void {
  isGoingBack = true;
  window.addEventListener('popstate', arrived, { once: true });
  history.back();
}

/** After the listeners of what Back has closed. */
function arrived(): void {
  isGoingBack = false;
  for (const add of waiting) {
    waiting.delete(add);
    add();
  }
}

/** Adds a history entry: at once, or after a Back under way, which would remove it. @returns cancels it */
export function addEntry(add: () => void): () => void {
  if (isGoingBack) {
    waiting.add(add);
  } else {
    add();
  }
  return () => waiting.delete(add);
}
