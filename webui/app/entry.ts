import type { SessionAnswer } from '../api-client/api-types.ts';
import type { Route } from '../shell/route.ts';

type Entry = 'waiting' | 'start' | 'login' | 'again' | 'open';

/**
 * Whether the pages may be shown. A box without an owner is claimed first, unless its configuration shows the
 * cameras to this client. The login replaces the page, or covers it after a session has ended (`again`).
 */
export function entryState(
  session: SessionAnswer | undefined,
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
