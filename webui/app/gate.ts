import type { Session } from '../api-client/session.ts';
import type { Place } from '../shell/route.ts';

/** What stands in front of the pages. */
export type Door = 'waiting' | 'start' | 'login' | 'again' | 'open';

/**
 * Who may go on to the pages. A box that nobody owns is claimed first, unless its configuration shows the cameras to
 * everybody who comes from here. Log-in stands in place of the page that was asked for, or over it when a session has ended (`again`).
 */
export function doorOf(
  session: Session | undefined,
  access: 'unknown' | 'granted' | 'refused',
  page: Place['page'],
  hasEnded = false,
): Door {
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
