import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { type InternalUser, MEDIAMTX_USERS } from '../../config/schema/common/general.ts';
import type { DeviceLogin } from '../accounts/device-passwords.ts';
import { limitedPerson, ownerPerson, type Person } from '../accounts/person.ts';
import { type ProgramLogin, ProgramLogins } from '../accounts/program-logins.ts';
import { LoginLimits } from '../throttle/login-limits.ts';
import { type AccessRules, Authority, type Owners } from './authorize.ts';
import type { Action, Identity } from './identity.ts';

const ACTIONS: readonly Action[] = ['read', 'publish', 'playback', 'api', 'metrics', 'pprof', 'admin'];
const loopback: Identity = { ip: '127.0.0.1', isLoopback: true, isPrivate: true };
/** Requests of a proxy on the same machine, and of a web page in its browser. */
const proxied: Identity = { ip: '127.0.0.1', isLoopback: false, isPrivate: false };
const home: Identity = { ip: '192.168.1.9', isLoopback: false, isPrivate: true };
const away: Identity = { ip: '203.0.113.5', isLoopback: false, isPrivate: false };

const owners = (owner: string | undefined): Owners => ({
  owner,
  verify: async (user, password) => (user === owner || user === 'ann') && password === 'blue heron',
  person: (name) => (owner === undefined ? undefined : PEOPLE.find((person) => person.name === name)),
});
const PEOPLE: readonly Person[] = [
  ownerPerson('owner'),
  limitedPerson('ann', 'viewer', { cameras: ['door'], live: true, recordings: false }),
  limitedPerson('guest:1', 'guest', { cameras: ['yard'], live: true, recordings: true }),
];
const device = (user: string): DeviceLogin | undefined =>
  user === 'obs' ? { name: 'OBS', user, isRight: ({ password }) => password === 'abcd', may: () => true } : undefined;
const unclaimed = owners(undefined);
const claimed = owners('owner');
const tom: InternalUser = { user: 'tom', pass: 'secret', ips: [], permissions: [{ action: 'read', path: 'door' }] };
const anyone: InternalUser = { user: 'any', pass: '', ips: [], permissions: [{ action: 'read', path: '' }] };

const own: AccessRules = { isOwn: true, internalUsers: [] };
const foreign: AccessRules = { isOwn: false, internalUsers: MEDIAMTX_USERS };

const allowedTo = async (accounts: Owners, rules: AccessRules, identity: Identity) => {
  const authority = new Authority(accounts, rules);
  const decisions = await Promise.all(ACTIONS.map((action) => authority.authorize(action, 'door', identity)));
  return ACTIONS.filter((_, i) => decisions[i]?.allowed).join(' ');
};

const ALL = ACTIONS.join(' ');
const MEDIA = 'read publish playback';
const session = { sessionUser: 'owner' };
const owner = { user: 'owner', password: 'blue heron' };
const asTom = { user: 'tom', password: 'secret' };

test.for([
  // Perch's own setup.
  ['own, unclaimed, loopback', unclaimed, own, loopback, ''],
  ['own, unclaimed, proxied', unclaimed, own, proxied, ''],
  ['own, unclaimed, home', unclaimed, own, home, ''],
  ['own, unclaimed, away', unclaimed, own, away, ''],
  ['own, unclaimed, home, user of the file', unclaimed, { ...own, internalUsers: [tom] }, { ...home, ...asTom }, ''],
  ['own, claimed, loopback', claimed, own, loopback, ''],
  ['own, claimed, home', claimed, own, home, ''],
  ['own, claimed, away', claimed, own, away, ''],
  ['own, claimed, away, session', claimed, own, { ...away, ...session }, ALL],
  ['own, claimed, away, name and password', claimed, own, { ...away, ...owner }, ALL],
  ['own, claimed, away, wrong password', claimed, own, { ...away, ...owner, password: 'x' }, ''],
  ['own, claimed, away, Digest of the owner', claimed, own, { ...away, user: 'owner', proves: () => true }, ''],
  [
    'own, claimed, Digest of a user of the file',
    claimed,
    { ...own, internalUsers: [tom] },
    { ...away, user: 'tom', proves: (password: string) => password === 'secret' },
    'read',
  ],
  ['own, claimed, user of the file', claimed, { ...own, internalUsers: [tom] }, { ...away, ...asTom }, 'read'],
  ['own, claimed, anonymous user of the file', claimed, { ...own, internalUsers: [anyone] }, away, ''],
  // A file written for MediaMTX.
  ['foreign, unclaimed, loopback', unclaimed, foreign, loopback, 'read publish playback api metrics pprof'],
  ['foreign, unclaimed, proxied', unclaimed, foreign, proxied, MEDIA],
  ['foreign, unclaimed, home', unclaimed, foreign, home, MEDIA],
  ['foreign, unclaimed, away', unclaimed, foreign, away, MEDIA],
  ['foreign, claimed, loopback', claimed, foreign, loopback, 'read publish playback api metrics pprof'],
  ['foreign, claimed, away', claimed, foreign, away, MEDIA],
  ['foreign, claimed, away, session', claimed, foreign, { ...away, ...session }, ALL],
  ['foreign with users, unclaimed, loopback', unclaimed, { ...foreign, internalUsers: [tom] }, loopback, ''],
  ['foreign with users, unclaimed, home', unclaimed, { ...foreign, internalUsers: [tom] }, home, ''],
  ['foreign with users, claimed, loopback', claimed, { ...foreign, internalUsers: [tom] }, loopback, ''],
  ['foreign with users, claimed, tom', claimed, { ...foreign, internalUsers: [tom] }, { ...away, ...asTom }, 'read'],
  ['foreign with users, claimed, session', claimed, { ...foreign, internalUsers: [tom] }, { ...home, ...session }, ALL],
  [
    'foreign with users, the owner by password',
    claimed,
    { ...foreign, internalUsers: [tom] },
    { ...home, ...owner },
    '',
  ],
  ['foreign without any user', claimed, { ...foreign, internalUsers: [] }, loopback, ''],
  // Users and guests of the box.
  ['own, a viewer by session', claimed, own, { ...away, sessionUser: 'ann' }, 'read'],
  ['own, a viewer by password', claimed, own, { ...away, user: 'ann', password: 'blue heron' }, 'read'],
  ['own, a viewer by a wrong password', claimed, own, { ...away, user: 'ann', password: 'x' }, ''],
  ['own, a guest of another camera', claimed, own, { ...away, sessionUser: 'guest:1' }, ''],
  [
    'foreign with users, a viewer by session',
    claimed,
    { ...foreign, internalUsers: [tom] },
    { ...away, sessionUser: 'ann' },
    'read',
  ],
  ['foreign, a viewer where anybody may', claimed, foreign, { ...away, sessionUser: 'ann' }, MEDIA],
  // Only the current owner's session counts.
  ['own, unclaimed, a session of before', unclaimed, own, { ...home, ...session }, ''],
  ['own, claimed, a session of someone else', claimed, own, { ...home, sessionUser: 'tom' }, ''],
] as const)('%s', async ([, accounts, rules, identity, expected]) => {
  expect(await allowedTo(accounts, rules, identity)).toBe(expected);
});

test('a challenge is sent only without credentials, if a name and password would help', async () => {
  const challenge = async (accounts: Owners, rules: AccessRules, identity: Identity, action: Action = 'read') =>
    (await new Authority(accounts, rules).authorize(action, 'door', identity)).challenge;
  expect(await challenge(claimed, own, home)).toBe(true);
  expect(await challenge(claimed, own, { ...home, user: 'x', password: 'y' })).toBe(false);
  expect(await challenge(claimed, own, { ...home, token: 'x' })).toBe(false);
  expect(await challenge(unclaimed, own, home)).toBe(false);
  expect(await challenge(claimed, foreign, home, 'api')).toBe(true);
  expect(await challenge(claimed, foreign, home, 'admin')).toBe(false);
});

test.for(['rtmp', 'srt'])('over %s page passwords open nothing, and other logins work', async (protocol) => {
  const request = { protocol, mayHaveQueryToken: true, id: null, query: '', userAgent: '' };
  const authority = new Authority({ ...claimed, device }, { ...own, internalUsers: [tom] });
  const ask = (login: object) => authority.authorize('read', 'door', { ...home, ...login, request });
  for (const login of [owner, { user: 'ann', password: 'blue heron' }]) {
    expect(await ask(login)).toMatchObject({ allowed: false, reason: expect.stringContaining('device password') });
  }
  expect((await ask({ user: 'nobody', password: 'x' })).reason).toBe('wrong name or password');
  expect((await ask(asTom)).allowed).toBe(true);
  expect((await ask({ user: 'obs', password: 'abcd' })).allowed).toBe(true);
  const overRtsp = await authority.authorize('read', 'door', {
    ...home,
    ...owner,
    request: { ...request, protocol: 'rtsp' },
  });
  expect(overRtsp.allowed).toBe(true);
});

/** Perch's own setup with limits: the same credentials over one protocol, again and again. */
function limited(protocol: string) {
  const clock = new FakeClock();
  const logins = new ProgramLogins(clock, new LoginLimits(clock));
  const people = { ...claimed, device, attempt: (login: ProgramLogin) => logins.take(login, false) };
  const authority = new Authority(people, { ...own, internalUsers: [tom] });
  const ask = (login: object, over = protocol) => {
    const request = { protocol: over, mayHaveQueryToken: true, id: null, query: '', userAgent: '' };
    return authority.authorize('read', 'door', { ...away, ...login, request });
  };
  const askTimes = async (count: number, login: object) => {
    for (let i = 0; i < count; i += 1) {
      await ask(login);
    }
  };
  return { ask, askTimes };
}

test.for(['rtmp', 'srt'])('a right page password over %s uses up no attempts', async (protocol) => {
  const { ask, askTimes } = limited(protocol);
  await askTimes(11, owner);
  expect((await ask(owner, 'rtsp')).allowed).toBe(true);
  await askTimes(1, owner);
  await askTimes(10, { ...owner, password: 'x' });
  await expect(ask({ user: 'ann', password: 'blue heron' }, 'rtsp')).rejects.toThrow('10 wrong attempts');
  expect((await ask(owner, 'rtsp')).allowed).toBe(true);
});

test.for([
  ['rtmp', 'a device', 'obs'],
  ['srt', 'a device', 'obs'],
  ['rtmp', 'a user of the file', 'tom'],
  ['rtmp', 'a person', 'owner'],
  ['rtmp', 'nobody', 'nobody'],
] as const)('over %s wrong passwords of %s are limited', async ([protocol, , user]) => {
  const { ask, askTimes } = limited(protocol);
  await askTimes(10, { user, password: 'x' });
  await expect(ask({ user, password: 'x' })).rejects.toThrow('10 wrong attempts');
  expect((await ask({ user: 'obs', password: 'abcd' })).allowed).toBe(true);
});

test('before the claim the rejection has a remedy', async () => {
  const { advice } = await new Authority(unclaimed, own).authorize('read', 'door', home);
  expect(advice).toBe(
    'this box has no owner yet: claim it on its page with the setup code, or on the box with perch claim',
  );
});

test.for([
  [
    "a machine of Perch's own setup",
    { ...own, internalUsers: [tom] },
    asTom,
    'the page and its settings are only for users of this box',
  ],
  ['a wrong password of a person', own, { ...owner, password: 'x' }, 'wrong name or password'],
  [
    "a person's right password where a file for MediaMTX holds",
    foreign,
    owner,
    'the page accepts only sessions, no name and password',
  ],
] as const)('the reason why %s may not use the page', async ([, rules, credentials, reason]) => {
  const decision = await new Authority(claimed, rules).authorize('admin', '', { ...home, ...credentials });
  expect([decision.allowed, decision.reason]).toEqual([false, reason]);
});

test.for<[string, AccessRules, Partial<Identity>, boolean]>([
  ["a machine of Perch's own setup", { ...own, internalUsers: [tom] }, asTom, true],
  ['a machine of a file for MediaMTX', { ...foreign, internalUsers: [tom] }, asTom, true],
  ['a wrong password of a machine', { ...own, internalUsers: [tom] }, { ...asTom, password: 'x' }, false],
  ['an unknown name', { ...own, internalUsers: [tom] }, { user: 'x', password: 'secret' }, false],
  ['a wrong password of a person', own, { ...owner, password: 'x' }, false],
  ['a request without credentials', { ...own, internalUsers: [anyone] }, {}, false],
])('%s is rejected by the page, known or not', async ([, rules, credentials, isKnown]) => {
  const decision = await new Authority(claimed, rules).authorize('admin', '', { ...home, ...credentials });
  expect([decision.allowed, decision.isKnown ?? false]).toEqual([false, isKnown]);
});

test('an authentication server is not asked about the page', async () => {
  const http = { address: 'http://127.0.0.1:1/', fingerprint: '', exclude: [], timeoutMs: 1_000 };
  const decision = await new Authority(claimed, { ...own, http }).authorize('admin', '', { ...home, ...asTom });
  expect(decision.reason).toBe('the page and its settings are only for users of this box');
});

test('new rules apply from the next request', async () => {
  const authority = new Authority(claimed, foreign);
  expect((await authority.authorize('read', 'door', away)).allowed).toBe(true);
  authority.setRules({ isOwn: false, internalUsers: [tom] });
  expect((await authority.authorize('read', 'door', away)).allowed).toBe(false);
});

test.for<[string, AccessRules, boolean, string[]]>([
  ["MediaMTX's users", foreign, true, []],
  ['anyone', { ...foreign, internalUsers: [anyone] }, true, []],
  ['anyone of one network', { ...foreign, internalUsers: [{ ...anyone, ips: ['192.168.0.0/16'] }] }, false, []],
  ['a user with a password', { ...foreign, internalUsers: [tom] }, false, []],
  ['no user of its own setup', own, false, []],
  [
    'anyone in its own setup',
    { ...own, internalUsers: [anyone] },
    false,
    ['authInternalUsers: entries without a password (1) has no effect (perch: own)'],
  ],
])('with %s the box is open: %s', ([, rules, isOpen, warnings]) => {
  const authority = new Authority(claimed, rules);
  expect([authority.isOpen, authority.warnings]).toEqual([isOpen, warnings]);
});

const explained = async (rules: AccessRules, action: Action, path: string, identity: Identity) =>
  (await new Authority(claimed, rules).explain(action, path, identity)).steps;

test.for<[string, AccessRules, Action, Identity, string[]]>([
  [
    'the owner',
    own,
    'admin',
    { ...away, user: 'owner' },
    ['users of this box: owner (owner) permitted, with the session of the page, or name and password'],
  ],
  [
    'a viewer at a stream',
    own,
    'read',
    { ...home, user: 'ann' },
    [
      'users of this box: ann (viewer) permitted, with the session of the page, or name and password (not over RTMP and SRT)',
    ],
  ],
  [
    'a viewer who may not',
    own,
    'playback',
    { ...home, user: 'ann' },
    ['users of this box: ann (viewer) may not playback door', 'authInternalUsers: no entries'],
  ],
  [
    'a stranger',
    foreign,
    'api',
    { ...away, user: 'x' },
    [
      "users of this box: no user 'x'",
      'authInternalUsers[0] (any): does not match: may publish, read, playback, not api door',
      'authInternalUsers[1] (any): does not match: only from 127.0.0.1/32, ::1/128',
    ],
  ],
  [
    'a stranger in its own setup',
    { ...own, internalUsers: [anyone] },
    'read',
    away,
    [
      "users of this box: no user ''",
      "authInternalUsers[0] (any): ignored: it has no password, which Perch's own setup requires",
    ],
  ],
  [
    'a machine at the page',
    foreign,
    'admin',
    { ...away, user: 'tom' },
    ["users of this box: no user 'tom'", 'the page and its settings are only for users of this box'],
  ],
])('the decision on %s is explained', async ([, rules, action, identity, steps]) => {
  expect(await explained(rules, action, 'door', identity)).toEqual(steps);
});

test('explanation and decision agree for every request', async () => {
  const next = random(17);
  const one = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T;
  const some = <T>(items: readonly T[]): T[] => items.filter(() => next() < 0.5);
  let allowedCount = 0;
  for (let i = 0; i < 3_000; i += 1) {
    const internalUsers = Array.from({ length: Math.floor(next() * 4) }, (): InternalUser => {
      const user = one(['any', 'tom', 'eve', 'owner']);
      const pass = user === 'any' || next() < 0.3 ? '' : 'blue heron';
      const actions = some(['read', 'publish', 'playback', 'api', 'metrics', 'pprof'] as const);
      const permissions = actions.map((action) => ({ action, path: one(['', 'door', '~^y']) }));
      return { user, pass, ips: one([[], ['127.0.0.1'], ['192.168.1.0/24']]), permissions };
    });
    const rules = { isOwn: next() < 0.5, internalUsers };
    const accounts = one([claimed, unclaimed]);
    const user = one(['', 'tom', 'eve', 'owner', 'ann', 'guest:1']);
    const from = { ...one([loopback, proxied, home, away]), user };
    const action = one(ACTIONS);
    const path = one(['door', 'yard']);
    const authority = new Authority(accounts, rules);
    const { allowed } = await authority.explain(action, path, from);
    const byPassword = await authority.authorize(action, path, { ...from, password: 'blue heron' });
    const bySession = await authority.authorize(action, path, { ...from, sessionUser: user });
    // A guest has no password, only a link.
    expect([i, allowed]).toEqual([i, byPassword.allowed || bySession.allowed]);
    allowedCount += allowed ? 1 : 0;
  }
  expect(allowedCount).toBeGreaterThan(400);
});
