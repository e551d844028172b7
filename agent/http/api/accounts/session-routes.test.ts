import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import type { InjectOptions } from 'fastify';
import { expect, test } from 'vitest';
import { listenLocally } from '../../../../test/support/base/local-listener.ts';
import { type HttpHarness, openHttpHarness } from '../../../../test/support/harness/http/http-harness.ts';

const PASSWORD = 'blue heron';
const HOME = { remoteAddress: '192.168.1.9', headers: { host: '192.168.1.2:8080' } };
const AWAY = { remoteAddress: '203.0.113.5', headers: { host: 'cams.example' } };

const post = (url: string, payload: object, from: InjectOptions = HOME): InjectOptions => ({
  ...from,
  method: 'POST',
  url,
  payload,
});
const claimOf = ({ accounts }: HttpHarness) => ({ password: PASSWORD, setupCode: accounts.setup?.code });

const cookieOf = (answer: { headers: Record<string, unknown> }) =>
  String(answer.headers['set-cookie']).split(';')[0] ?? '';

test('a phone claims the box with a password and the setup code, and is logged in', async () => {
  await using box = await openHttpHarness();
  expect((await box.app.inject({ ...HOME, url: '/v3/session' })).json()).toEqual({
    commands: { claim: 'perch claim', resetPassword: 'perch reset-password' },
    claimed: false,
    loggedIn: false,
    user: null,
    role: null,
    clip: false,
    mayLook: false,
    mayClaim: true,
    openAccess: false,
    server: false,
    warnings: [],
    secondFactor: false,
    https: null,
  });
  const claim = await box.app.inject(post('/v3/claim', claimOf(box)));
  expect(claim.statusCode).toBe(200);
  expect(String(claim.headers['set-cookie'])).toMatch(/^perch_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; /);
  const session = await box.app.inject({
    ...HOME,
    url: '/v3/session',
    headers: { ...HOME.headers, cookie: cookieOf(claim) },
  });
  expect(session.json()).toMatchObject({
    claimed: true,
    loggedIn: true,
    user: 'owner',
    mayLook: true,
    mayClaim: false,
    warnings: [{ why: null, file: null, text: 'a warning' }],
  });
});

test.for([
  ['http at its own port', {}, { port: 8443, box: expect.any(String) }],
  ['http at another port, behind a router', { host: '192.168.1.5:9000' }, null],
  ['http behind a proxy', { 'x-forwarded-for': '192.168.1.9' }, null],
] as const)('over %s the page gets https as %j', async ([, headers, https]) => {
  await using box = await openHttpHarness({ httpsPort: 8443 });
  const { port } = await listenLocally(box.app);
  const url = `http://127.0.0.1:${port}/v3/session`;
  const answer = await new Promise<string>((resolve, reject) => {
    get(url, { headers: { ...headers } }, (response) => void text(response).then(resolve, reject)).on('error', reject);
  });
  expect(JSON.parse(answer).https).toEqual(https);
});

test('a box is not claimed twice', async () => {
  await using box = await openHttpHarness({ password: PASSWORD });
  const again = await box.app.inject(post('/v3/claim', { password: 'grey heron' }));
  expect([again.statusCode, again.json()]).toEqual([
    400,
    { status: 'error', error: 'this box already has an owner: log in' },
  ]);
});

test.for<[string, InjectOptions]>([
  ['from elsewhere', AWAY],
  ['from the home network', HOME],
  ['on the box itself', { remoteAddress: '127.0.0.1', headers: { host: 'localhost:8080' } }],
  ['through an unknown proxy', { ...HOME, headers: { host: '192.168.1.2', 'x-forwarded-for': '192.168.1.9' } }],
  ['by a name that may have been rebound', { ...HOME, headers: { host: 'evil.example' } }],
])('%s the claim needs the setup code', async ([, from]) => {
  await using box = await openHttpHarness();
  expect((await box.app.inject({ ...from, url: '/v3/session' })).json()).toMatchObject({
    mayClaim: true,
    mayLook: false,
  });
  const without = await box.app.inject(post('/v3/claim', { password: PASSWORD }, from));
  expect([without.statusCode, without.json().error]).toEqual([
    400,
    expect.stringContaining('the setup code is needed'),
  ]);
  const wrong = await box.app.inject(post('/v3/claim', { password: PASSWORD, setupCode: 'AAAA-AAAA' }, from));
  expect([wrong.statusCode, wrong.headers['www-authenticate']]).toEqual([401, undefined]);
  expect(box.accounts.owner).toBeUndefined();
  expect((await box.app.inject(post('/v3/claim', claimOf(box), from))).statusCode).toBe(200);
});

test('a login replaces the session, a logout ends it and deletes the cookie', async () => {
  await using box = await openHttpHarness({ password: PASSWORD });
  const first = cookieOf(await box.app.inject(post('/v3/session', { password: PASSWORD })));
  const headers = (cookie: string) => ({ ...HOME.headers, cookie });
  const second = cookieOf(
    await box.app.inject(
      post('/v3/session', { user: 'owner', password: PASSWORD }, { ...HOME, headers: headers(first) }),
    ),
  );
  const isLoggedIn = async (cookie: string) =>
    (await box.app.inject({ ...HOME, url: '/v3/session', headers: headers(cookie) })).json().loggedIn;
  expect(second).not.toBe(first);
  expect([await isLoggedIn(first), await isLoggedIn(second)]).toEqual([false, true]);
  const out = await box.app.inject({ ...HOME, method: 'DELETE', url: '/v3/session', headers: headers(second) });
  expect([out.headers['set-cookie']].flat()).toContainEqual(expect.stringMatching(/^perch_session=; .*Max-Age=0/));
  expect(await isLoggedIn(second)).toBe(false);
});

test('a logout also deletes the cookie of a guest link', async () => {
  await using box = await openHttpHarness({ password: PASSWORD });
  const cookie = cookieOf(await box.app.inject(post('/v3/session', { password: PASSWORD })));
  const out = await box.app.inject({
    ...{ ...HOME, method: 'DELETE', url: '/v3/session' },
    headers: { ...HOME.headers, cookie: `${cookie}; perch_guest=a-link` },
  });
  expect([out.headers['set-cookie']].flat()).toContainEqual(expect.stringMatching(/^perch_guest=; .*Max-Age=0/));
});

test('an unknown field for the name is rejected, and does not count as an attempt at another account', async () => {
  await using box = await openHttpHarness({ password: PASSWORD });
  for (let i = 0; i < 20; i += 1) {
    const answer = await box.app.inject(post('/v3/session', { name: 'ann', password: "not the owner's" }));
    expect([answer.statusCode, answer.json()]).toEqual([400, { status: 'error', error: "unknown field 'name'" }]);
  }
});

test('a wrong password is reported without a browser dialog', async () => {
  await using box = await openHttpHarness({ password: PASSWORD });
  const answer = await box.app.inject(post('/v3/session', { password: 'wrong' }));
  expect([answer.statusCode, answer.json()]).toEqual([401, { status: 'error', error: 'wrong password' }]);
  expect([answer.headers['www-authenticate'], answer.headers['set-cookie']]).toEqual([undefined, undefined]);
});

test('the eleventh wrong password in a row is rejected with the time to wait', async () => {
  await using box = await openHttpHarness({ password: PASSWORD });
  for (let i = 0; i < 10; i += 1) {
    expect((await box.app.inject(post('/v3/session', { password: `wrong ${i}` }))).statusCode).toBe(401);
  }
  const answer = await box.app.inject(post('/v3/session', { password: PASSWORD }));
  expect(answer.statusCode).toBe(429);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(500);
});

test.for<[string, Record<string, string>]>([
  ['Origin', { origin: 'https://evil.example' }],
  ['Origin of another port', { origin: 'http://192.168.1.2:8123' }],
  ['Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site' }],
])("another site's page (%s) can neither claim, log in nor log out", async ([, headers]) => {
  await using box = await openHttpHarness();
  const from = { ...HOME, headers: { ...HOME.headers, ...headers } };
  expect((await box.app.inject(post('/v3/claim', claimOf(box), from))).statusCode).toBe(401);
  const claim = await box.app.inject(post('/v3/claim', claimOf(box)));
  expect((await box.app.inject(post('/v3/session', { password: PASSWORD }, from))).statusCode).toBe(401);
  const cookie = cookieOf(claim);
  const out = { ...from, method: 'DELETE', url: '/v3/session', headers: { ...from.headers, cookie } } as const;
  expect((await box.app.inject(out)).statusCode).toBe(401);
  expect(box.accounts.sessionUser(cookie.split('=')[1] ?? '')).toBe('owner');
});

test.for<[string, object | string, number]>([
  ['no password', {}, 400],
  ['a short one', { password: 'short' }, 400],
  ['a list', { password: ['a', 'b'] }, 400],
  ['a giant', { password: 'x'.repeat(5_000) }, 400],
  ['no JSON', 'password=blue', 415],
])('a claim with %s is rejected with a message', async ([, payload, status]) => {
  await using box = await openHttpHarness();
  const headers = { ...HOME.headers, ...(typeof payload === 'string' ? { 'content-type': 'text/plain' } : {}) };
  const withCode = typeof payload === 'string' ? payload : { ...payload, setupCode: box.accounts.setup?.code };
  const answer = await box.app.inject({ ...HOME, method: 'POST', url: '/v3/claim', payload: withCode, headers });
  expect([answer.statusCode, answer.json().status]).toEqual([status, 'error']);
  expect(box.accounts.owner).toBeUndefined();
});
