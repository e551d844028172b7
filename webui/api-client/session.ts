import { computed, signal } from '@preact/signals';
import { retryNow } from '../shell/sleep.ts';
import { fetchJson, RequestError } from './request.ts';
import { isTransient, retryUntilAnswered } from './retry.ts';

export interface Session {
  readonly claimed: boolean;
  readonly loggedIn: boolean;
  readonly user: string | null;
  /** A guest is whoever has opened a link; he and viewers see some cameras and change nothing. */
  readonly role: 'owner' | 'viewer' | 'guest' | null;
  /** Whether the device shows us its cameras. */
  readonly mayLook: boolean;
  /** Nobody owns the device, and its configuration is Perch's own: the setup code and a password claim it. */
  readonly mayClaim: boolean;
  /** Anyone on this network can watch. */
  readonly openAccess: boolean;
  readonly warnings: readonly string[];
  /** Where the same page is over https, when it was opened over http and not through a proxy. */
  readonly https: { readonly port: number; readonly box: string } | null;
}

/** Undefined until the device has answered for the first time. */
export const session = signal<Session | undefined>(undefined);

/** Whether the device shows us its cameras. */
export const access = signal<'unknown' | 'granted' | 'refused'>('unknown');

/** Whoever may change things. */
export const isOwner = computed(() => session.value?.role === 'owner');

/** Somebody has logged out, or another one has logged in: nothing of what the page holds is for the next one. */
export const mustReload = signal(false);

/** Whose session has ended while the page was open: he logs in over the page, and what he typed stays. */
export const expiredUser = signal<string | undefined>(undefined);

/** Whom the page has shown something to. */
let shownTo: Pick<Session, 'role' | 'user'> | undefined;

export async function loadSession(): Promise<void> {
  const now = await fetchJson<Session>('v3/session');
  session.value = now;
  if (now.role === null) {
    isGuestLinkExpired.value ||= localStorage.getItem(WAS_GUEST) !== null;
    return;
  }
  shownTo = now;
  if (now.role === 'guest') {
    localStorage.setItem(WAS_GUEST, '1');
  } else {
    localStorage.removeItem(WAS_GUEST);
  }
}

/** Of the link that the device shows in its terminal or on its screen; empty: it is typed. */
export const setupCode = signal('');

export async function claim(password: string, code: string): Promise<void> {
  await fetchJson('v3/claim', { method: 'POST', body: { password, setupCode: code } });
  setupCode.value = '';
  await enter();
}

/** @param user undefined: the owner */
export async function logIn(password: string, user: string | undefined): Promise<void> {
  await fetchJson('v3/session', { method: 'POST', body: { password, ...(user ? { user } : {}) } });
  await enter();
}

/** Somebody has opened a link that holds no more, or it has ended while he looked. */
export const isGuestLinkExpired = signal(false);

/** The cookie goes with the link: that somebody was a guest in this browser is known to the page alone. */
const WAS_GUEST = 'perch-guest';

/** Who was a guest here has a password all the same. */
export function forgetGuestLink(): void {
  localStorage.removeItem(WAS_GUEST);
  isGuestLinkExpired.value = false;
}

/** Why a link is not opened yet; undefined: none waits. */
export const guestLinkError = signal<RequestError | undefined>(undefined);

/** Exchanges the token of a guest's link for a cookie, as soon as the device answers: the link may be had only once. */
export async function openGuestLink(token: string, stop: AbortSignal): Promise<void> {
  const exchange = () => fetchJson('v3/guest', { method: 'POST', body: { token } });
  try {
    if ((await retryUntilAnswered(exchange, stop, noteWait)) === undefined) {
      return;
    }
    guestLinkError.value = undefined;
    isGuestLinkExpired.value = false;
    await enter();
  } catch (error) {
    guestLinkError.value = undefined;
    isGuestLinkExpired.value = error instanceof RequestError && error.status === 401;
  }
}

function noteWait(error: unknown): void {
  if (!(error instanceof RequestError) || error.status === 401 || !isTransient(error)) {
    throw error;
  }
  guestLinkError.value = error;
}

/** The device has refused: is the session over? Guests and those who never logged in see the log-in in place of the page. */
export async function checkSession(): Promise<void> {
  await loadSession();
  if (session.peek()?.loggedIn) {
    return;
  }
  // Who it was does not stand in `session` any more when another look has found its end before.
  expiredUser.value = shownTo?.user ?? undefined;
  access.value = 'refused';
}

async function enter(): Promise<void> {
  const before = shownTo;
  await loadSession();
  const { role, user } = session.peek() ?? {};
  // One guest is not told from another.
  if (before && (before.role !== role || before.user !== user || role === 'guest')) {
    mustReload.value = true;
    return;
  }
  expiredUser.value = undefined;
  access.value = 'granted';
  retryNow();
}
