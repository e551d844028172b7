import { computed, signal } from '@preact/signals';
import { ask, BoxError } from './request.ts';

export interface Session {
  readonly claimed: boolean;
  readonly loggedIn: boolean;
  readonly user: string | null;
  /** A guest is whoever has opened a link; he and viewers see some cameras and change nothing. */
  readonly role: 'owner' | 'viewer' | 'guest' | null;
  /** Whether the box shows us its cameras. */
  readonly mayLook: boolean;
  readonly mayClaim: boolean;
  readonly needsSetupCode: boolean;
  /** Anyone on this network can watch. */
  readonly openAccess: boolean;
  readonly warnings: readonly string[];
}

/** Undefined until the box has answered for the first time. */
export const session = signal<Session | undefined>(undefined);

/** Whether the box shows us its cameras. On the box itself it does so before anybody owns it. */
export const access = signal<'unknown' | 'granted' | 'refused'>('unknown');

/** Whoever may change things: the owner, and who sits at the box before anybody owns it. */
export const isOwner = computed(() => {
  const { role, claimed } = session.value ?? {};
  return role === 'owner' || (role === null && claimed === false);
});

/** Whose session has ended while the page was open: he logs in over the page, and what he typed stays. */
export const endedUser = signal<string | undefined>(undefined);

export async function loadSession(): Promise<void> {
  session.value = await ask<Session>('v3/session');
}

export async function claim(password: string, setupCode: string | undefined): Promise<void> {
  await ask('v3/claim', { method: 'POST', body: { password, ...(setupCode ? { setupCode } : {}) } });
  await enter();
}

/** @param user undefined: the owner */
export async function logIn(password: string, user: string | undefined): Promise<void> {
  await ask('v3/session', { method: 'POST', body: { password, ...(user ? { user } : {}) } });
  await enter();
}

/** Somebody has opened a link that holds no more. */
export const isLinkOver = signal(false);

/** Exchanges the token of a guest's link for a cookie. */
export async function openGuestLink(token: string): Promise<void> {
  try {
    await ask('v3/guest', { method: 'POST', body: { token } });
    isLinkOver.value = false;
    await enter();
  } catch (error) {
    isLinkOver.value = error instanceof BoxError && error.status === 401;
  }
}

export async function logOut(): Promise<void> {
  endedUser.value = undefined;
  await ask(session.peek()?.role === 'guest' ? 'v3/guest' : 'v3/session', { method: 'DELETE' });
  await loadSession();
  access.value = 'refused';
}

/** The box has refused: is the session over? Guests and those who never logged in see the log-in in place of the page. */
export async function noteRefusal(): Promise<void> {
  const before = session.peek();
  await loadSession();
  const now = session.peek();
  if (now?.loggedIn) {
    return;
  }
  if (before?.loggedIn && before.user !== null) {
    endedUser.value = before.user;
  }
  access.value = 'refused';
}

async function enter(): Promise<void> {
  const ended = endedUser.peek();
  await loadSession();
  if (ended !== undefined && session.peek()?.user !== ended) {
    // What stands on the page belongs to somebody else.
    location.reload();
    return;
  }
  endedUser.value = undefined;
  access.value = 'granted';
}
