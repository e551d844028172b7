import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { type InternalUser, MEDIAMTX_USERS } from '../../config/schema/common/general.ts';
import { HashQueue } from '../passwords/hash-queue.ts';
import type { AuthRequest } from './api-auth.ts';
import { InternalUsers } from './internal-users.ts';

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('base64')}`;
const reader: InternalUser = { user: 'tom', pass: 'secret', ips: [], permissions: [{ action: 'read', path: '' }] };
const request: AuthRequest = {
  ...{ action: 'read', path: 'door', ip: '192.168.1.9', isIpKnown: true, user: 'tom', password: 'secret' },
  ...{ token: '', protocol: '', id: null, query: '', userAgent: '' },
};
const usersOf = (...users: InternalUser[]) => new InternalUsers(users, new HashQueue(systemClock));
const allows = async (users: InternalUsers, given: AuthRequest, allowsAnonymous = true) =>
  (await users.decide(given, allowsAnonymous)).allowed;

test.for<[string, InternalUser, AuthRequest, boolean]>([
  ['name and password are right', reader, request, true],
  ['the password is wrong', reader, { ...request, password: 'Secret' }, false],
  ['the name is wrong', reader, { ...request, user: 'tim' }, false],
  ['nothing was given', reader, { ...request, user: '', password: '' }, false],
  ['the action is another', reader, { ...request, action: 'publish' }, false],
  ['no password is configured', { ...reader, pass: '' }, { ...request, password: 'whatever' }, true],
  ['no password is configured, but a name', { ...reader, pass: '' }, { ...request, user: '' }, false],
  ['any, nothing given', { ...reader, user: 'any' }, { ...request, user: '', password: '' }, true],
  ['any, wrong credentials given', { ...reader, user: 'any' }, { ...request, user: 'x', password: 'y' }, true],
  ['the address is listed', { ...reader, ips: ['192.168.1.0/24'] }, request, true],
  ['the address is not listed', { ...reader, ips: ['192.168.2.0/24', '::1'] }, request, false],
  ['the address may not be matched', { ...reader, ips: ['127.0.0.1'] }, { ...request, isIpKnown: false }, false],
  ['the address does not matter', reader, { ...request, isIpKnown: false }, true],
  ['both are digests', { ...reader, user: sha256('tom'), pass: sha256('secret') }, request, true],
  ['the digest is of another password', { ...reader, pass: sha256('other') }, request, false],
  [
    'the digest itself is given',
    { ...reader, pass: sha256('secret') },
    { ...request, password: sha256('secret') },
    false,
  ],
])('%s', async ([, user, given, isAllowed]) => {
  expect(await allows(usersOf(user), given)).toBe(isAllowed);
});

test('a password is accepted regardless of permissions, and an entry without one matches no client', async () => {
  const users = usersOf({ ...reader, ips: ['192.168.1.0/24'] }, ...MEDIAMTX_USERS, {
    ...reader,
    user: 'eve',
    pass: '',
  });
  const publishes = { ...request, action: 'record' };
  const requests = [
    publishes,
    { ...publishes, password: 'x' },
    { ...publishes, ip: '192.0.2.1' },
    { ...publishes, user: 'eve' },
  ];
  const verdicts = await Promise.all(requests.map((given) => users.decide(given, true)));
  expect(verdicts.map(({ allowed, isKnown }) => [allowed, isKnown])).toEqual([
    [false, true],
    [false, false],
    [false, false],
    [false, false],
  ]);
});

test.for<[string, InternalUser, boolean]>([
  ['it was made with the password', reader, true],
  ['it was made with another password', { ...reader, pass: 'other' }, false],
  ['only a hash of the password is known', { ...reader, pass: sha256('secret') }, false],
  ['the name is another', { ...reader, user: 'tim' }, false],
  ['the name is hashed', { ...reader, user: sha256('tom') }, true],
  ['no password is configured', { ...reader, pass: '' }, true],
])('a Digest answer when %s', async ([, user, isAllowed]) => {
  const proves = (password: string) => password === 'secret';
  expect(await allows(usersOf(user), { ...request, password: '', proves })).toBe(isAllowed);
});

test.for([
  ['', 'door', true],
  ['door', 'door', true],
  ['door', 'door2', false],
  ['~^cam', 'cam1', true],
  ['~am', 'cam1', true],
  ['~^am', 'cam1', false],
] as const)('a permission for path "%s" applies to %s: %s', async ([path, name, isAllowed]) => {
  const users = usersOf({ ...reader, permissions: [{ action: 'read', path }] });
  expect(await allows(users, { ...request, path: name })).toBe(isAllowed);
});

test('api ignores the path of a permission', async () => {
  const users = usersOf({ ...reader, permissions: [{ action: 'api', path: 'door' }] });
  expect(await allows(users, { ...request, action: 'api', path: '' })).toBe(true);
});

test('the entries are tried in order until one permits', async () => {
  const users = usersOf(reader, { ...reader, user: 'any', ips: ['127.0.0.1'] });
  expect(await allows(users, { ...request, password: 'wrong', ip: '127.0.0.1' })).toBe(true);
});

test("MediaMTX's defaults: any client reads, publishes and plays back, the API is for loopback", async () => {
  const users = usersOf(...MEDIAMTX_USERS);
  const stranger = { ...request, user: '', password: '' };
  const asks = (actions: string[], ip: string) =>
    Promise.all(actions.map((action) => allows(users, { ...stranger, action, ip })));
  expect(await asks(['read', 'publish', 'playback'], '203.0.113.5')).toEqual([true, true, true]);
  expect(await asks(['api', 'metrics', 'pprof'], '203.0.113.5')).toEqual([false, false, false]);
  expect(await asks(['api', 'metrics', 'pprof'], '127.0.0.1')).toEqual([true, true, true]);
  expect(users.isOpen).toBe(true);
});

test('entries without a password can be ignored', async () => {
  const users = usersOf({ ...reader, user: 'any' }, { ...reader, user: 'tim', pass: '' }, reader);
  expect(users.anonymous).toBe('authInternalUsers: entries without a password (2)');
  expect(await allows(users, { ...request, user: '', password: '' }, false)).toBe(false);
  expect(await allows(users, { ...request, user: 'tim' }, false)).toBe(false);
  expect(await allows(users, request, false)).toBe(true);
});

test.for<[InternalUser, string]>([
  [
    { ...reader, pass: 'argon2:$argon2id$v=19$m=4096,t=3,p=1$c2FsdA$aGFzaA' },
    'authInternalUsers[0].pass: argon2 salt of 4 bytes, the limit is 8 to 64',
  ],
  [{ ...reader, pass: 'sha256:abc' }, 'authInternalUsers[0].pass: sha256 digest of 2 bytes'],
  [{ ...reader, ips: ['router'] }, "authInternalUsers[0].ips: 'router' is neither an address"],
  [
    { ...reader, permissions: [{ action: 'read', path: '~(' }] },
    "authInternalUsers[0].permissions: '~(' matches nothing",
  ],
])('an entry that cannot match is reported: %s', async ([user, message]) => {
  const users = usersOf(user);
  expect(users.problems.join()).toContain(message);
  expect(await allows(users, request)).toBe(false);
});

/** Hashes of "secret" and "tom", made with Node's argon2Sync. */
const SECRET = 'argon2:$argon2id$v=19$m=256,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$Q67LRPzAOkEEwwPAZGT3+yOsTKhUts1GfFsCe0UKJLM';
const TOM = 'argon2:$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$3fadkBwD8E/L/w+Z3zrCZ19IbV1xtB64IP67DY00Sa8';

test.for<[string, Partial<InternalUser>, Partial<AuthRequest>, boolean]>([
  ['the password is right', { pass: SECRET }, {}, true],
  ['the password is wrong', { pass: SECRET }, { password: 'Secret' }, false],
  ['the hash itself is given', { pass: SECRET }, { password: SECRET }, false],
  ['nothing is given', { pass: SECRET }, { password: '' }, false],
  ['the name is hashed too', { user: TOM, pass: SECRET }, {}, true],
  ['the hashed name is another', { user: TOM, pass: SECRET }, { user: 'tim' }, false],
  ['a Digest answer is given', { pass: SECRET }, { proves: () => true }, false],
])('argon2: %s', async ([, user, given, isAllowed]) => {
  const users = usersOf({ ...reader, ...user });
  expect(users.problems).toEqual([]);
  expect(await allows(users, { ...request, ...given })).toBe(isAllowed);
});

test('an unknown name takes as long as a wrong password: one argon2 hash', async () => {
  let count = 0;
  const checks = new HashQueue(systemClock, async () => {
    count += 1;
    return false;
  });
  const users = new InternalUsers(
    ['tom', 'tim', 'eve'].map((user) => ({ ...reader, user, pass: SECRET })),
    checks,
  );
  const asks = async (given: Partial<AuthRequest>) => {
    count = 0;
    await users.decide({ ...request, ...given }, true);
    return count;
  };
  expect(await asks({ password: 'a' })).toBe(1);
  expect(await asks({ user: 'nobody', password: 'b' })).toBe(1);
  expect(await asks({ user: '', password: '' })).toBe(0);
});

test('the reason why an entry matches or not is shown without passwords', async () => {
  const users = usersOf(
    { ...reader, permissions: [{ action: 'api', path: '' }] },
    { ...reader, ips: ['10.0.0.0/8'] },
    { ...reader, user: 'eve' },
    { ...reader, user: 'sha256:AAAA' },
    { ...reader, permissions: [{ action: 'read', path: '~^do' }] },
  );
  const { allowed, steps } = await users.explain({ ...request, password: '' }, true);
  expect(allowed).toBe(true);
  expect(steps).toEqual([
    'authInternalUsers[0] (tom): does not match: may api, not read door',
    'authInternalUsers[1] (tom): does not match: only from 10.0.0.0/8',
    'authInternalUsers[2] (eve): does not match: another name',
    'authInternalUsers[3] (a hashed name): does not match: another name',
    'authInternalUsers[4] (tom): permitted: may read ~^do, with the password',
  ]);
});
