import { parseRoute, route, scrollKey } from './route.ts';

/** Whether the place may be left now; who says no has asked the person. */
type Guard = () => boolean;

let guard: Guard | undefined;
let here = '';
let before: string | undefined;
const visited = new Map<string, string>();
const scrolledTo = new Map<string, number>();

/** Follows the address, for as long as the page lives. */
export function watchRoute(): void {
  history.scrollRestoration = 'manual';
  here = location.hash;
  // What lies before it is not known, and it is not new when one comes back to it.
  history.replaceState(history.state ?? {}, '');
  route.value = parseRoute(here);
  remember(here);
  window.addEventListener('hashchange', () => follow(location.hash));
}

function follow(hash: string): void {
  if (hash === here) {
    return;
  }
  if (guard && !guard()) {
    // It has changed already: back to where the person still is.
    history.pushState(null, '', here === '' ? '#' : here);
    return;
  }
  const from = scrollKey(route.peek());
  const to = parseRoute(hash);
  scrolledTo.set(from, window.scrollY);
  if (history.state === null) {
    // A new entry: it keeps what lies before it, whatever way one comes to it later.
    history.replaceState({ from: here }, '');
  }
  before = here;
  here = hash;
  remember(hash);
  route.value = to;
}

function remember(hash: string): void {
  const to = parseRoute(hash);
  if (to.page === 'recordings' || to.page === 'settings') {
    visited.set(to.page, to.page === 'settings' ? `#/settings/${to.section}` : hash);
  }
}

/** Whether one came here from the large picture of that camera. */
export function cameFromCamera(name: string): boolean {
  const from = before === undefined ? undefined : parseRoute(before);
  return from?.page === 'camera' && from.camera === name;
}

/** Where one was last in Recordings or Settings. */
export const lastVisited = (page: string): string | undefined => visited.get(page);

/** How far a screen was scrolled when it was left. */
export const lastScroll = (screen: string): number => scrolledTo.get(screen) ?? 0;

/** The address says another moment of the same place; nothing is gone back to. */
export function replaceAddress(hash: string): void {
  // The browser tells in a moment that one has gone elsewhere: there one would be taken back.
  if (location.hash === here) {
    write(hash);
  }
}

function write(hash: string): void {
  history.replaceState(history.state, '', hash);
  here = location.hash;
  remember(hash);
}

/** Another place instead of this one: Back leads to what lies before both. */
export function replaceRoute(hash: string): void {
  write(hash);
  route.value = parseRoute(hash);
}

/** Closes what stands over `parent`: back where that lies before it, so that Back does not open it again. */
export function closeRoute(parent: string): void {
  if (history.state?.from === parent) {
    history.back();
  } else {
    location.replace(parent);
  }
}

/** Asks `mayLeave` before the place is left, until the answer is called. */
export function guardRoute(mayLeave: Guard): () => void {
  guard = mayLeave;
  return () => {
    if (guard === mayLeave) {
      guard = undefined;
    }
  };
}
