let isGoingBack = false;
const waiting = new Set<() => void>();

/** Goes back one history entry. */
export function goBack(): void {
  isGoingBack = true;
  window.addEventListener('popstate', arrived, { once: true });
  history.back();
}

/**
 * Goes back one history entry after the present task. A link that closes the sheet it is in leads on after its click is handled: then there is
 * nothing to go back from.
 * @param isHere whether that entry is still the present one
 */
export function goBackSoon(isHere: () => boolean): void {
  isGoingBack = true;
  setTimeout(() => (isHere() ? goBack() : arrived()));
}

/** Runs after the `popstate` listeners of the layers that Back has closed. */
function arrived(): void {
  isGoingBack = false;
  for (const add of waiting) {
    waiting.delete(add);
    add();
  }
}

/** Calls `add`, which adds a history entry: at once, or after a pending `goBack`, which would remove it. @returns cancels the call */
export function addEntry(add: () => void): () => void {
  if (isGoingBack) {
    waiting.add(add);
  } else {
    add();
  }
  return () => waiting.delete(add);
}
