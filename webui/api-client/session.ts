import { computed, signal } from '@preact/signals';
import { retryNow } from '../shell/sleep.ts';
import type { SessionAnswer } from './api-types.ts';
import { SESSION_ADDRESS } from './early-answers.ts';
import { fetchJson, lastChange, RequestError } from './request.ts';
import { isTransient, retryUntilAnswered } from './retry.ts';

/** Undefined until the first response. */
export const session = signal<SessionAnswer | undefined>(undefined);

/** Whether the box lists its cameras. */
export const access = signal<'unknown' | 'granted' | 'refused'>('unknown');

/** Command lines of this installation. */
export const boxCommands = computed(
  () => session.value?.commands ?? { claim: 'perch claim', resetPassword: 'perch reset-password' },
);

export const isOwner = computed(() => session.value?.role === 'owner');

/** Whether a user name, such as the author of a change, is that of the logged-in user. */
export const isMe = (user: string): boolean => session.value?.user === user;

/** The user has logged out or changed: discard everything. */
export const mustReload = signal(false);

/** The user whose session ended while the page was open, and who logs in over it. Typed text stays. */
export const expiredUser = signal<string | undefined>(undefined);

/** Whether the box had no owner while this page was open: the setup is not finished. */
export let hasSeenNoOwner = false;

/** The user for whom the page was rendered last. */
let shownTo: Pick<SessionAnswer, 'role' | 'user'> | undefined;

export async function loadSession(): Promise<void> {
  const now = await fetchJson<SessionAnswer>(SESSION_ADDRESS);
  session.value = now;
  hasSeenNoOwner ||= !now.claimed;
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

// Its warnings name the file, and what to do.
lastChange.onOther = () => void loadSession().catch(() => {});

/** Setup code of the link that the box shows; empty: to be typed. */
export const setupCode = signal('');

export async function claim(password: string, code: string): Promise<void> {
  await fetchJson('v3/claim', { method: 'POST', body: { password, setupCode: code } });
  setupCode.value = '';
  await enter();
}

/** @param user undefined for the owner. @param factor the second one */
export async function logIn(password: string, user: string | undefined, factor: object = {}): Promise<void> {
  await fetchJson('v3/session', { method: 'POST', body: { password, ...(user ? { user } : {}), ...factor } });
  await enter();
}

/** The guest link is invalid, or has expired. */
export const isGuestLinkExpired = signal(false);

/** The cookie ends with the link, so only the page remembers the guest. */
const WAS_GUEST = 'perch-guest';

/** Former guests can still log in with a password. */
export function forgetGuestLink(): void {
  localStorage.removeItem(WAS_GUEST);
  isGuestLinkExpired.value = false;
}

/** Why a guest link could not be opened yet. */
export const guestLinkError = signal<RequestError | undefined>(undefined);

/** Exchanges a guest link's token for a cookie as soon as the box answers. A token can be used only once. */
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

/** Checks a rejection for the end of the session. Guests and new users get the login page instead. */
export async function checkSession(): Promise<void> {
  await loadSession();
  endUnlessLoggedIn();
}

/** Shows the login unless the session that was loaded last is valid. */
export function endUnlessLoggedIn(): void {
  if (session.peek()?.loggedIn) {
    return;
  }
  // Another check may have cleared `session` already.
  expiredUser.value = shownTo?.user ?? undefined;
  access.value = 'refused';
}

async function enter(): Promise<void> {
  const before = shownTo;
  await loadSession();
  const { role, user } = session.peek() ?? {};
  // Guests have no name.
  if (before && (before.role !== role || before.user !== user || role === 'guest')) {
    mustReload.value = true;
    return;
  }
  expiredUser.value = undefined;
  access.value = 'granted';
  retryNow();
}
