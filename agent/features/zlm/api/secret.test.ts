import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { type Caller, CallSecret, type RejectedCall } from './secret.ts';

const SECRET = 'a-kingfisher';

function box(allowedIps: readonly string[] = []) {
  const clock = new FakeClock();
  const now = { secret: SECRET };
  return { clock, now, secret: new CallSecret({ secret: () => now.secret, allowedIps: () => allowedIps, clock }) };
}

const parametersOf = (fields: Readonly<Record<string, string>>) => ({
  get: (name: string) => fields[name],
  sent: (name: string) => fields[name],
  require: () => fields as never,
});
const caller = (cookies: Readonly<Record<string, string>> = {}, ip = '192.168.1.2', isPrivate = true): Caller => ({
  ip,
  isPrivate,
  cookie: (name) => cookies[name],
});
const NOTHING = parametersOf({});
const digestOf = (cookie: string, secret = SECRET) =>
  createHash('md5').update(`zlmediakit:${secret}:${cookie}`).digest('hex');

test('the right secret permits; a wrong one is a guess, a missing one is not', () => {
  const { secret } = box();
  expect(secret.refusal(parametersOf({ secret: SECRET }), caller())).toBeUndefined();
  const login = { code: -100, msg: 'Please login first', cookie: expect.stringMatching(/^[\w-]{24}$/) };
  expect(secret.refusal(parametersOf({ secret: 'other' }), caller())).toEqual({ ...login, isGuess: true });
  expect(secret.refusal(NOTHING, caller())).toEqual({ ...login, isGuess: false });
});

test('an empty secret permits nothing', () => {
  const { secret, now } = box();
  now.secret = '';
  expect(secret.refusal(parametersOf({ secret: '' }), caller())).toBeDefined();
});

test.for([
  [[], '192.168.1.2', true, true],
  [[], '203.0.113.5', false, false],
  [['203.0.113.0/24'], '203.0.113.5', false, true],
  [['203.0.113.0/24'], '192.168.1.2', true, false],
] as const)('with the allowed addresses %j %s is permitted: %s', ([allowed, ip, isPrivate, isIn]) => {
  const { secret } = box(allowed);
  const refusal = secret.refusal(parametersOf({ secret: SECRET }), caller({}, ip, isPrivate));
  const msg = 'Your ip is not allowed to access the service.';
  expect(refusal).toEqual(isIn ? undefined : { code: -100, msg, isGuess: false });
  expect(typeof secret.logIn(digestOf(''), caller({}, ip, isPrivate))).toBe('object');
});

test('a digest with the cookie logs in for a day, once for each cookie', async () => {
  const { secret, clock } = box();
  const { cookie = '' } = secret.refusal(NOTHING, caller()) ?? {};
  const login = secret.logIn(digestOf(cookie), caller({ ZLM_UNLOGIN: cookie }));
  expect(login).toEqual(expect.any(String));
  const inside = caller({ ZLM_LOGINED: String(login) });
  expect(secret.refusal(NOTHING, inside)).toBeUndefined();
  expect(secret.logIn(digestOf(cookie), caller({ ZLM_UNLOGIN: cookie }))).toMatchObject({ code: -100 });
  await clock.advance(86_400_000);
  expect(secret.refusal(NOTHING, inside)).toMatchObject({ code: -100 });
});

test('a wrong digest is a guess, and one for an unknown cookie is not', () => {
  const { secret } = box();
  const { cookie = '' } = secret.refusal(NOTHING, caller()) as RejectedCall;
  expect(secret.logIn(digestOf(cookie, 'other'), caller({ ZLM_UNLOGIN: cookie }))).toMatchObject({ isGuess: true });
  expect(secret.logIn(digestOf('mine'), caller({ ZLM_UNLOGIN: 'mine' }))).toMatchObject({ isGuess: false });
});

test('a new secret ends all logins', () => {
  const { secret, now } = box();
  const { cookie = '' } = secret.refusal(NOTHING, caller()) ?? {};
  const login = String(secret.logIn(digestOf(cookie), caller({ ZLM_UNLOGIN: cookie })));
  now.secret = 'another-one';
  expect(secret.refusal(NOTHING, caller({ ZLM_LOGINED: login }))).toMatchObject({ code: -100 });
});
