import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { openHttpHarness } from '../../../test/support/harness/http/http-harness.ts';
import { type AskedServerHarness, openAskedServer } from '../../../test/support/servers/asked-server.ts';
import { WrongCredentials } from '../../auth/throttle/wrong-credentials.ts';

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/;
const KEY = generateKeyPairSync('ed25519');
const jwks = async () => JSON.stringify({ keys: [{ ...(await exportJWK(KEY.publicKey)), alg: 'EdDSA' }] });
const tokenOf = (sub: string, action = 'read') =>
  new SignJWT({ sub, mediamtx_permissions: [{ action, path: action === 'read' ? 'door' : '' }] })
    .setProtectedHeader({ alg: 'EdDSA' })
    .sign(KEY.privateKey);

const jwtRules = (server: AskedServerHarness) => ({
  isOwn: false,
  internalUsers: [],
  jwt: {
    ...{ jwks: server.url, fingerprint: '', claimKey: 'mediamtx_permissions', exclude: [], inHttpQuery: true },
    ...{ issuer: '', audience: '', timeoutMs: 10_000 },
  },
});
const httpRules = (server: AskedServerHarness) => ({
  isOwn: false,
  internalUsers: [],
  http: { address: server.url, fingerprint: '', exclude: [], timeoutMs: 10_000 },
});

test('a session has the name of its token', async () => {
  await using server = await openAskedServer({ status: 200, body: await jwks() });
  await using box = await openHttpHarness({ rules: jwtRules(server) });
  box.app.get('/door', async (request) => {
    const before = box.access.identify(request).user;
    await box.access.require(request, 'read', 'door');
    return { before, after: box.access.identify(request).user };
  });
  const headers = { authorization: `Basic ${Buffer.from(`x:${await tokenOf('tom')}`).toString('base64')}` };
  expect((await box.app.inject({ url: '/door', headers })).json()).toEqual({ before: 'x', after: 'tom' });
});

test("a token with a user's name is not that user, and is not a guess at the password", async () => {
  await using server = await openAskedServer({ status: 200, body: await jwks() });
  await using box = await openHttpHarness({ rules: { ...jwtRules(server), isOwn: true }, password: 'blue heron' });
  box.app.post('/edit', async (request) => {
    await box.access.require(request, 'api', '');
    return { isOwner: await box.access.mayAlso(request, 'admin') };
  });
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  const headers = basic(`x:${await tokenOf('owner', 'api')}`);
  for (let i = 0; i < 12; i += 1) {
    expect((await box.app.inject({ method: 'POST', url: '/edit', headers })).json()).toEqual({ isOwner: false });
  }
  const owner = basic('owner:blue heron');
  expect((await box.app.inject({ method: 'POST', url: '/edit', headers: owner })).json()).toEqual({ isOwner: true });
});

test("an API client with the name of a viewer does not guess the viewer's password by changing the configuration", async () => {
  const ann = { user: 'ann', pass: 'secret', ips: [], permissions: [{ action: 'api' as const, path: '' }] };
  await using box = await openHttpHarness({ rules: { isOwn: true, internalUsers: [ann] }, password: 'blue heron' });
  await box.accounts.people.addUser({ name: 'ann', cameras: 'all', live: true, recordings: false }, 'a red kite');
  box.app.post('/edit', async (request) => {
    await box.access.require(request, 'api', '');
    return { isOwner: await box.access.mayAlso(request, 'admin') };
  });
  const headers = { authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` };
  for (let i = 0; i < 12; i += 1) {
    expect((await box.app.inject({ method: 'POST', url: '/edit', headers })).json()).toEqual({ isOwner: false });
  }
});

test('a wrong token in a query waits like a wrong password, and too many waiting ones are rejected unread', async () => {
  await using server = await openAskedServer({ status: 200, body: await jwks() });
  const clock = new FakeClock();
  const wrongCredentials = new WrongCredentials(clock, new AbortController().signal, () => 1);
  await using box = await openHttpHarness({ rules: jwtRules(server), wrongCredentials });
  box.app.get('/door', (request) => box.access.require(request, 'read', 'door'));
  const guesses = Array.from({ length: 8 }, (_, i) => box.app.inject({ url: `/door?a=1&jwt=a.b.${i}` }));
  await expect.poll(() => clock.sleeping).toBe(8);
  expect((await box.app.inject({ url: '/door?token=a.b.c' })).statusCode).toBe(429);
  // A request without credentials does not wait.
  expect((await box.app.inject({ url: '/door' })).statusCode).toBe(401);
  await clock.advance(4_000);
  expect((await Promise.all(guesses)).map(({ statusCode }) => statusCode)).toEqual(Array(8).fill(401));
});

test.for<[string, 'GET' | 'POST' | 'OPTIONS', boolean]>([
  ['webrtc', 'POST', true],
  ['webrtc', 'OPTIONS', false],
  ['hls', 'GET', true],
  ['', 'POST', false],
])("for %j's %s the authentication server gets the session's id: %s", async ([protocol, method, hasId]) => {
  await using server = await openAskedServer({ status: 200 });
  await using box = await openHttpHarness({ rules: httpRules(server) });
  const access = protocol === '' ? box.access : box.access.as(protocol, protocol === 'hls' ? 'GET' : 'POST');
  box.app.route({
    method,
    url: '/door',
    handler: async (request) => {
      await access.require(request, 'read', 'door');
      return { id: access.identify(request).request.id };
    },
  });
  const answer = await box.app.inject({ method, url: '/door?a=%2B', headers: { 'user-agent': 'player 1' } });
  expect(server.asked).toEqual([expect.objectContaining({ protocol, query: 'a=%2B', userAgent: 'player 1' })]);
  const { id } = answer.json() as { id: string | null };
  expect(server.asked).toEqual([expect.objectContaining({ id })]);
  expect(id === null ? false : UUID.test(id)).toBe(hasId);
});
