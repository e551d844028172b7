import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type InternalUser, MEDIAMTX_USERS } from '../config/global.ts';
import { type InternalRequest, InternalUsers } from './internal-users.ts';

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('base64')}`;
const reader: InternalUser = { user: 'tom', pass: 'secret', ips: [], permissions: [{ action: 'read', path: '' }] };
const request: InternalRequest = { action: 'read', path: 'door', ip: '192.168.1.9', user: 'tom', password: 'secret' };

test.for<[string, InternalUser, InternalRequest, boolean]>([
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
  ['the address may not be matched', { ...reader, ips: ['127.0.0.1'] }, { ...request, ip: undefined }, false],
  ['the address does not matter', reader, { ...request, ip: undefined }, true],
  ['both are digests', { ...reader, user: sha256('tom'), pass: sha256('secret') }, request, true],
  ['the digest is of another password', { ...reader, pass: sha256('other') }, request, false],
  [
    'the digest itself is given',
    { ...reader, pass: sha256('secret') },
    { ...request, password: sha256('secret') },
    false,
  ],
])('%s', ([, user, given, isAllowed]) => {
  expect(new InternalUsers([user]).allows(given, true)).toBe(isAllowed);
});

test('a password is known whatever its user may do, and an entry without one knows nobody', () => {
  const users = new InternalUsers([
    { ...reader, ips: ['192.168.1.0/24'] },
    ...MEDIAMTX_USERS,
    { ...reader, user: 'eve', pass: '' },
  ]);
  const knows = (more: Partial<InternalRequest>) => users.knows({ ...request, action: 'publish', ...more });
  expect([knows({}), knows({ password: 'x' }), knows({ ip: '192.0.2.1' }), knows({ user: 'eve' })]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test.for<[string, InternalUser, boolean]>([
  ['it was made with the password', reader, true],
  ['it was made with another password', { ...reader, pass: 'other' }, false],
  ['only a hash of the password is known', { ...reader, pass: sha256('secret') }, false],
  ['the name is another', { ...reader, user: 'tim' }, false],
  ['the name is hashed', { ...reader, user: sha256('tom') }, true],
  ['no password is configured', { ...reader, pass: '' }, true],
])('a Digest answer when %s', ([, user, isAllowed]) => {
  const proves = (password: string) => password === 'secret';
  expect(new InternalUsers([user]).allows({ ...request, password: '', proves }, true)).toBe(isAllowed);
});

test.for([
  ['', 'door', true],
  ['door', 'door', true],
  ['door', 'door2', false],
  ['~^cam', 'cam1', true],
  ['~am', 'cam1', true],
  ['~^am', 'cam1', false],
] as const)('a permission for path "%s" holds for %s: %s', ([path, name, isAllowed]) => {
  const users = new InternalUsers([{ ...reader, permissions: [{ action: 'read', path }] }]);
  expect(users.allows({ ...request, path: name }, true)).toBe(isAllowed);
});

test('api ignores the path of a permission', () => {
  const users = new InternalUsers([{ ...reader, permissions: [{ action: 'api', path: 'door' }] }]);
  expect(users.allows({ ...request, action: 'api', path: '' }, true)).toBe(true);
});

test('the entries are tried in order until one lets in', () => {
  const users = new InternalUsers([reader, { ...reader, user: 'any', ips: ['127.0.0.1'] }]);
  expect(users.allows({ ...request, password: 'wrong', ip: '127.0.0.1' }, true)).toBe(true);
});

test("MediaMTX's own defaults: everybody reads, publishes and plays back, the API is for loopback", () => {
  const users = new InternalUsers(MEDIAMTX_USERS);
  const stranger = { ...request, user: '', password: '' };
  const asks = (action: string, ip: string) => users.allows({ ...stranger, action, ip }, true);
  expect(['read', 'publish', 'playback'].map((action) => asks(action, '203.0.113.5'))).toEqual([true, true, true]);
  expect(['api', 'metrics'].map((action) => asks(action, '203.0.113.5'))).toEqual([false, false]);
  expect(['api', 'metrics'].map((action) => asks(action, '127.0.0.1'))).toEqual([true, true]);
  expect(users.isOpen).toBe(true);
});

test('entries without a password can be passed over', () => {
  const users = new InternalUsers([{ ...reader, user: 'any' }, { ...reader, user: 'tim', pass: '' }, reader]);
  expect(users.anonymousCount).toBe(2);
  expect(users.allows({ ...request, user: '', password: '' }, false)).toBe(false);
  expect(users.allows({ ...request, user: 'tim' }, false)).toBe(false);
  expect(users.allows(request, false)).toBe(true);
});

test.for<[InternalUser, string]>([
  [
    { ...reader, pass: 'argon2:$argon2id$v=19$m=4096,t=3,p=1$c2FsdA$aGFzaA' },
    'authInternalUsers[0].pass: argon2 is not supported',
  ],
  [{ ...reader, pass: 'sha256:abc' }, 'authInternalUsers[0].pass: sha256 digest of 2 bytes'],
  [{ ...reader, ips: ['router'] }, "authInternalUsers[0].ips: 'router' is neither an address"],
  [
    { ...reader, permissions: [{ action: 'read', path: '~(' }] },
    "authInternalUsers[0].permissions: '~(' matches nothing",
  ],
])('what cannot match is told: %s', ([user, message]) => {
  const users = new InternalUsers([user]);
  expect(users.problems.join()).toContain(message);
  expect(users.allows(request, true)).toBe(false);
});
