import type { Session } from '../api-client/session.ts';
import type { Route } from '../shell/route.ts';

/** What stands in front of the pages. */
type Entry = 'waiting' | 'start' | 'login' | 'again' | 'open';

/**
 * Who may go on to the pages. A device that nobody owns is claimed first, unless its configuration shows the cameras to
 * everybody who comes from here. Log-in stands in place of the page that was asked for, or over it when a session has ended (`again`).
 */
export function entryState(
  session: Session | undefined,
  access: 'unknown' | 'granted' | 'refused',
  page: Route['page'],
  hasEnded = false,
): Entry {
  if (!session || access === 'unknown') {
    return 'waiting';
  }
  if (!session.claimed && (access === 'refused' || page === 'start')) {
    return 'start';
  }
  if (access === 'refused' && hasEnded) {
    return 'again';
  }
  if (access === 'refused' || (page === 'login' && session.claimed && !session.loggedIn)) {
    return 'login';
  }
  return 'open';
}
