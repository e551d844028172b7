import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { logOut } from './logout.ts';
import {
  access,
  checkSession,
  expiredUser,
  forgetGuestLink,
  guestLinkError,
  isGuestLinkExpired,
  loadSession,
  logIn,
  mustReload,
  openGuestLink,
  session,
} from './session.ts';

const GUEST = { claimed: true, loggedIn: false, user: null, role: 'guest' };
const viewer = (user: string) => ({ claimed: true, loggedIn: true, user, role: 'viewer' });

let answers: Response[] = [];
const json = (body: object, status = 200, headers: HeadersInit = {}) =>
  new Response(JSON.stringify(body), { status, headers });

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  // No answer left: the network is away.
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => answers.shift() ?? Promise.reject(new TypeError('no network'))),
  );
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  session.value = undefined;
  isGuestLinkExpired.value = false;
  access.value = 'unknown';
  mustReload.value = false;
  expiredUser.value = undefined;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a guest link waits for a box that is away, busy or has a fault, and says why', async () => {
  const opened = openGuestLink('t', new AbortController().signal);
  await vi.advanceTimersByTimeAsync(0);
  expect(guestLinkError.value?.status).toBe(0);
  answers = [json({}, 429, { 'Retry-After': '40' })];
  await vi.advanceTimersByTimeAsync(1_000);
  expect(guestLinkError.value?.retryAfterS).toBe(40);
  answers = [json({}, 503)];
  await vi.advanceTimersByTimeAsync(2_000);
  expect(guestLinkError.value?.status).toBe(503);
  answers = [json({ status: 'ok' }), json(GUEST)];
  await vi.advanceTimersByTimeAsync(4_000);
  await opened;
  expect([guestLinkError.value, isGuestLinkExpired.value, access.value]).toEqual([undefined, false, 'granted']);
});

test('an invalid link is given up', async () => {
  answers = [json({ error: 'this link does not hold' }, 401)];
  await openGuestLink('t', new AbortController().signal);
  expect([guestLinkError.value, isGuestLinkExpired.value]).toEqual([undefined, true]);
});

test('a guest sees that the link has expired, also after a reload, until the login', async () => {
  const loggedOut = { ...GUEST, role: null };
  answers = [json(loggedOut)];
  await loadSession();
  expect(isGuestLinkExpired.value).toBe(false);
  answers = [json(GUEST), json(loggedOut)];
  await loadSession();
  await checkSession();
  expect([isGuestLinkExpired.value, access.value]).toEqual([true, 'refused']);
  isGuestLinkExpired.value = false;
  answers = [json(loggedOut), json(loggedOut), json(GUEST), json(viewer('wren')), json(loggedOut)];
  await loadSession();
  expect(isGuestLinkExpired.value, 'after a reload').toBe(true);
  forgetGuestLink();
  await loadSession();
  expect(isGuestLinkExpired.value, 'wants to log in').toBe(false);
  for (let i = 0; i < 3; i += 1) {
    await loadSession();
  }
  expect(isGuestLinkExpired.value, 'has logged in since').toBe(false);
});

test('the end of a session is known although another request found it first', async () => {
  const loggedOut = { claimed: true, loggedIn: false, user: null, role: null };
  answers = [json(viewer('wren')), json(viewer('wren'))];
  await loadSession();
  await checkSession();
  expect([expiredUser.value, access.value], 'refused by a session that is there').toEqual([undefined, 'unknown']);
  answers = [json(loggedOut), json(loggedOut)];
  await loadSession();
  await checkSession();
  expect([expiredUser.value, access.value]).toEqual(['wren', 'refused']);
});

test('a login as the same user continues; another user, or a logout, reloads the page', async () => {
  answers = [json({}), json(viewer('wren'))];
  await logIn('p', 'wren');
  // The guest of the tests before has left the page.
  mustReload.value = false;
  answers = [json({}), json(viewer('wren'))];
  await logIn('p', 'wren');
  expect([mustReload.value, access.value]).toEqual([false, 'granted']);
  answers = [json({}), json(viewer('lark'))];
  await logIn('p', 'lark');
  expect(mustReload.value).toBe(true);
  mustReload.value = false;
  await expect(logOut()).rejects.toThrow('no answer');
  expect(mustReload.value).toBe(false);
  answers = [json({})];
  await logOut();
  expect([mustReload.value, access.value]).toEqual([true, 'refused']);
});

test('a logout applies to all windows of the browser', async () => {
  const other = new BroadcastChannel('perch-logout');
  other.postMessage('');
  await vi.waitFor(() => expect([mustReload.value, access.value]).toEqual([true, 'refused']));
  mustReload.value = false;
  const heard = new Promise((resolve) => {
    other.onmessage = resolve;
  });
  answers = [json({})];
  await logOut();
  await heard;
  other.close();
});
