import { goBack } from './back.ts';
import { parseRoute, route, scrollKey } from './route.ts';

/** Whether the page may be left; a guard that returns false has asked the user. */
type Guard = () => boolean;

let guard: Guard | undefined;
let here = '';
let before: string | undefined;
const visited = new Map<string, string>();
/** Storage key of the last camera. */
export const LAST_CAMERA_KEY = 'perch-last-camera';
const scrolledTo = new Map<string, number>();

/** Follows the address, as long as the page lives. */
export function watchRoute(): void {
  history.scrollRestoration = 'manual';
  here = location.hash;
  // The first entry: its predecessor is unknown.
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
    // The address has changed already: restore it.
    history.pushState(null, '', here === '' ? '#' : here);
    return;
  }
  const from = scrollKey(route.peek());
  const to = parseRoute(hash);
  scrolledTo.set(from, window.scrollY);
  if (history.state === null) {
    // A new entry remembers its predecessor.
    history.replaceState({ from: here }, '');
  }
  before = here;
  here = hash;
  remember(hash);
  route.value = to;
}

function remember(hash: string): void {
  const to = parseRoute(hash);
  if (to.page === 'recordings' || to.page === 'settings' || to.page === 'events') {
    visited.set(to.page, to.page === 'settings' ? `#/settings/${to.section}` : hash);
  }
  if ((to.page === 'camera' || to.page === 'recordings') && to.camera !== undefined && to.camera !== lastCamera()) {
    localStorage.setItem(LAST_CAMERA_KEY, to.camera);
    if (to.page === 'camera') {
      visited.delete('recordings');
    }
  }
}

/** The last camera, live or recorded. */
export const lastCamera = (): string | undefined => localStorage.getItem(LAST_CAMERA_KEY) ?? undefined;

/** Whether the page was opened from that camera. */
export function cameFromCamera(name: string): boolean {
  const from = before === undefined ? undefined : parseRoute(before);
  return from?.page === 'camera' && from.camera === name;
}

/** The last address within Events, Recordings or Settings. */
export const lastVisited = (page: string): string | undefined => visited.get(page);

/** Scroll position when the screen was left. */
export const lastScroll = (screen: string): number => scrolledTo.get(screen) ?? 0;

/** Updates the moment in the address, without a history entry. */
export function replaceAddress(hash: string): void {
  // A navigation is pending, which this would undo.
  if (location.hash === here) {
    write(hash);
  }
}

function write(hash: string): void {
  history.replaceState(history.state, '', hash);
  here = location.hash;
  remember(hash);
}

/** Replaces the current entry. */
export function replaceRoute(hash: string): void {
  write(hash);
  route.value = parseRoute(hash);
}

/** Closes what covers `parent`: by Back if what precedes it may be returned to. */
export function closeRoute(parent: string, mayReturn = (from: string): boolean => from === parent): void {
  if (history.state?.from !== undefined && mayReturn(history.state.from)) {
    goBack();
  } else {
    location.replace(parent);
  }
}

/** Sets the address of the current history entry. */
export const keepAddress = (): void => history.replaceState(history.state, '', here);

/** Asks `mayLeave` before the page is left. @returns removes it */
export function guardRoute(mayLeave: Guard): () => void {
  guard = mayLeave;
  return () => {
    if (guard === mayLeave) {
      guard = undefined;
    }
  };
}
