import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { type MemoryCarrier, MemoryDatabase } from '../../../test/support/base/memory-carrier.ts';
import {
  type HttpHarness,
  type HttpHarnessOptions,
  openHttpHarness,
} from '../../../test/support/harness/http/http-harness.ts';
import type { Action } from '../../auth/permissions/identity.ts';
import { WrongCredentials } from '../../auth/throttle/wrong-credentials.ts';
import { createLogger, silentLogger } from '../../base/log.ts';
import { textLine } from '../../base/log-text.ts';
import { MEDIAMTX_USERS } from '../../config/schema/common/general.ts';
import { listen } from '../listener/listeners.ts';

const PASSWORD = 'blue heron';
const ACTIONS: readonly Action[] = ['read', 'publish', 'playback', 'api', 'metrics', 'admin'];
const FOREIGN = { isOwn: false, internalUsers: MEDIAMTX_USERS };
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

async function openWithRoutes(options: HttpHarnessOptions = {}): Promise<HttpHarness> {
  const box = await openHttpHarness(options);
  for (const action of ACTIONS) {
    box.app.all(`/${action}`, async (request) => {
      await box.access.require(request, action, 'door');
      return 'allowed';
    });
  }
  return box;
}

const lanAddress = () =>
  Object.values(networkInterfaces())
    .flat()
    .find((face) => face?.family === 'IPv4' && !face.internal)?.address;

test.for<[string, HttpHarnessOptions, string, string]>([
  ['own, unclaimed', {}, '', ''],
  ['own, claimed', { password: PASSWORD }, '', ''],
  ['foreign, unclaimed', { rules: FOREIGN }, 'read publish playback api metrics', 'read publish playback'],
  [
    'foreign, claimed',
    { rules: FOREIGN, password: PASSWORD },
    'read publish playback api metrics',
    'read publish playback',
  ],
])('over real sockets: %s', async ([, options, fromLoopback, fromElsewhere]) => {
  await using box = await openWithRoutes(options);
  const { port } = await listen('address', ':0', box.app, { log: silentLogger });
  const over = (host: string) => async (url: string) => (await fetch(`http://${host}:${port}${url}`)).ok;
  // A machine without a network has no other address: then the connection is an injected one.
  const injected = async (url: string) => (await box.app.inject({ url, ...from('203.0.113.5') })).statusCode === 200;
  const elsewhere = lanAddress();
  const allowed = async (asks: (url: string) => Promise<boolean>) => {
    const answers = await Promise.all(ACTIONS.map((action) => asks(`/${action}`)));
    return ACTIONS.filter((_, i) => answers[i]).join(' ');
  };
  expect(await allowed(over('127.0.0.1'))).toBe(fromLoopback);
  expect(await allowed(over('[::1]'))).toBe(fromLoopback);
  expect(await allowed(elsewhere === undefined ? injected : over(elsewhere))).toBe(fromElsewhere);
});

const from = (remoteAddress: string, headers: Record<string, string> = {}) => ({
  remoteAddress,
  headers: { host: '192.168.1.2:8080', ...headers },
});

test('missing credentials are challenged; wrong ones are not', async () => {
  await using box = await openWithRoutes({ password: PASSWORD });
  const nothing = await box.app.inject({ url: '/read', ...from('192.168.1.9') });
  expect([nothing.statusCode, nothing.headers['www-authenticate'], nothing.json()]).toEqual([
    401,
    'Basic realm="mediamtx"',
    { status: 'error', error: 'authentication error' },
  ]);
  const wrong = await box.app.inject({ url: '/read', ...from('192.168.1.9', { authorization: basic('owner:x') }) });
  expect([wrong.statusCode, wrong.headers['www-authenticate'], wrong.json()]).toEqual([
    401,
    undefined,
    { status: 'error', error: 'authentication error' },
  ]);
});

test('a right password without the permission is rejected without a pause, however often', async () => {
  const tom = { user: 'tom', pass: 'secret', ips: [], permissions: [{ action: 'read' as const, path: '' }] };
  const rules = { isOwn: false, internalUsers: [tom] };
  // In this time no pause ever ends.
  const wrongCredentials = new WrongCredentials(new FakeClock(), new AbortController().signal);
  await using box = await openWithRoutes({ rules, wrongCredentials });
  const ask = async () =>
    (await box.app.inject({ url: '/publish', ...from('192.168.1.9', { authorization: basic('tom:secret') }) }))
      .statusCode;
  expect(await Promise.all(Array.from({ length: 20 }, ask))).toEqual(Array(20).fill(401));
});

test('the log has the request, its client and the reason; of a query nothing that may be a secret', async () => {
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(textLine(line).replace(/^\S+ \S+ /, '')));
  const tom = { user: 'tom', pass: 'secret', ips: [], permissions: [{ action: 'read' as const, path: 'yard' }] };
  await using box = await openWithRoutes({ log, rules: { isOwn: false, internalUsers: [tom] } });
  box.app.get('/v3/paths/list', (request) => box.access.require(request, 'api', ''));
  const ask = (url: string, credentials: string) =>
    box.app.inject({ url, ...from('192.168.1.9', { authorization: basic(credentials) }) });
  await ask('/v3/paths/list?page=0&token=abc', 'tom:x');
  await ask('/read', 'tom:x');
  await ask('/read', 'tom:secret');
  const asked = (url: string) => `ip=192.168.1.9 user=tom method=GET url="${url}"`;
  expect(lines).toEqual([
    `WAR failed to authenticate reason="wrong name or password" action=api ${asked('/v3/paths/list?page=0&token=***')}\n`,
    `WAR [door] failed to authenticate reason="wrong name or password" action=read ${asked('/read').replaceAll('"', '')}\n`,
    `INF [door] not permitted reason="no entry of authInternalUsers permits it" action=read ${asked('/read').replaceAll('"', '')}\n`,
  ]);
});

test('before the claim the rejection has a remedy and no challenge', async () => {
  await using box = await openWithRoutes();
  const answer = await box.app.inject({ url: '/read', ...from('192.168.1.9') });
  expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, undefined]);
  expect(answer.json().error).toContain('this box has no owner yet');
});

test.for(['Basic', 'Bearer'])("the owner's name and password work with each request (%s)", async (scheme) => {
  await using box = await openWithRoutes({ password: PASSWORD });
  const authorization = scheme === 'Basic' ? basic(`owner:${PASSWORD}`) : `Bearer owner:blue%20heron`;
  const answer = await box.app.inject({ url: '/read', ...from('203.0.113.5', { authorization }) });
  expect(answer.statusCode).toBe(scheme === 'Basic' ? 200 : 401);
});

test('a session permits reading from anywhere, and scripts and changes only for the own page', async () => {
  await using box = await openWithRoutes({ password: PASSWORD });
  const token = await box.accounts.logIn('owner', PASSWORD, { ip: '192.168.1.9', isPrivate: true });
  const ask = async (method: 'GET' | 'POST' | 'DELETE', headers: Record<string, string>) =>
    (
      await box.app.inject({
        method,
        url: '/api',
        ...from('203.0.113.5', { cookie: `perch_session=${token}`, ...headers }),
      })
    ).statusCode;
  expect(await ask('GET', {})).toBe(200);
  expect(await ask('GET', { origin: 'http://192.168.1.2:8123' })).toBe(401);
  expect(await ask('POST', { origin: 'http://192.168.1.2:8080' })).toBe(200);
  expect(await ask('DELETE', { 'sec-fetch-site': 'same-origin' })).toBe(200);
  expect(await ask('POST', { origin: 'https://evil.example' })).toBe(401);
  expect(await ask('POST', { origin: 'http://192.168.1.2:8123' })).toBe(401);
  expect(await ask('DELETE', { 'sec-fetch-site': 'same-site' })).toBe(401);
  expect(await ask('POST', {})).toBe(401);
  await box.accounts.logOut(token);
  expect(await ask('GET', {})).toBe(401);
});

test('a trusted proxy is not loopback, and the client that it reports counts', async () => {
  await using box = await openWithRoutes({ rules: FOREIGN, trustedProxies: ['127.0.0.1'] });
  const ask = async (client: string) =>
    (
      await box.app.inject({
        url: '/api',
        remoteAddress: '127.0.0.1',
        headers: { host: 'localhost', 'x-forwarded-for': client },
      })
    ).statusCode;
  expect(await ask('203.0.113.5')).toBe(401);
  expect(await ask('127.0.0.1')).toBe(200);
});

test('`ip` is the address of `origin`', async () => {
  for (const trustedProxies of [[], ['10.0.0.9']]) {
    await using box = await openHttpHarness({ trustedProxies });
    box.app.get('/who', (request) => ({ ip: box.access.ip(request), origin: box.access.origin(request).ip }));
    for (const remoteAddress of ['203.0.113.5', '::ffff:203.0.113.5', '2001:DB8::1', '10.0.0.9', 'fe80::1%eth0']) {
      const headers = { 'x-forwarded-for': '198.51.100.7' };
      const { ip, origin } = (await box.app.inject({ url: '/who', remoteAddress, headers })).json();
      expect(ip).toBe(origin);
    }
  }
});

test('without credentials a foreign page cannot use the API, whatever its address', async () => {
  const anyone = { user: 'any', pass: '', ips: [], permissions: [{ action: 'api' as const, path: '' }] };
  const reader = { ...anyone, permissions: [{ action: 'read' as const, path: '' }] };
  const tom = { ...anyone, user: 'tom', pass: 'secret' };
  await using box = await openWithRoutes({ rules: { isOwn: false, internalUsers: [anyone, reader, tom] } });
  const ask = async (url: string, remoteAddress: string, headers: Record<string, string>) =>
    (await box.app.inject({ url, ...from(remoteAddress, headers) })).statusCode;
  const evil = { origin: 'https://evil.example' };
  const HOME = '192.168.1.9';
  expect(await ask('/api', HOME, {})).toBe(200);
  expect(await ask('/api', HOME, { origin: 'http://192.168.1.2:3000' })).toBe(200);
  expect(await ask('/api', HOME, evil)).toBe(401);
  expect(await ask('/api', HOME, { origin: 'null' })).toBe(401);
  expect(await ask('/api', HOME, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).toBe(401);
  expect(await ask('/api', HOME, { host: 'evil.example' })).toBe(401);
  expect(await ask('/api', '127.0.0.1', { host: 'localhost', ...evil })).toBe(401);
  // Explicit credentials are accepted from any page; where anyone may watch, other sites may embed players.
  expect(await ask('/api', HOME, { ...evil, authorization: basic('tom:secret') })).toBe(200);
  expect(await ask('/api', HOME, { ...evil, authorization: basic('made:up') })).toBe(401);
  expect(await ask('/api?token=made-up', HOME, evil)).toBe(401);
  expect(await ask('/read', HOME, evil)).toBe(200);
  // A client outside the box's network gives a foreign page no rights that the page lacks.
  expect(await ask('/api', '203.0.113.5', evil)).toBe(200);
});

/** A claimed server whose database has been away for longer than sessions go on, with what its owner sends. */
async function openWithoutDatabase(rules: Pick<HttpHarnessOptions, 'rules'> = {}) {
  const log: string[] = [];
  let carrier: MemoryCarrier | undefined;
  const carry = (dataDir: string) => {
    carrier = new MemoryDatabase().server(dataDir);
  };
  const logger = createLogger('info', (line) => void log.push(textLine(line)));
  const box = await openWithRoutes({ password: PASSWORD, ...rules, carry, log: logger });
  const session = await box.accounts.logIn('owner', PASSWORD, { ip: '192.168.1.9', isPrivate: true });
  const cookie = { cookie: `perch_session=${session}` };
  const ask = (url: string, headers: Record<string, string>) =>
    box.app.inject({ url, ...from('192.168.1.9', headers) });
  const own = { authorization: basic(`owner:${PASSWORD}`) };
  // Remembered as right.
  expect((await ask('/read', own)).statusCode).toBe(rules.rules ? 401 : 200);
  carrier?.goAway("database 'perch' at db.example.org:5432: it does not answer");
  carrier?.age();
  return { box, log, cookie, own, ask, carrier, [Symbol.asyncDispose]: () => box[Symbol.asyncDispose]() };
}

test('while no person is known each request that needs one is answered 503 with the reason, and is no wrong password', async () => {
  await using server = await openWithoutDatabase();
  const { ask, cookie, own, carrier, log } = server;
  const wrong = { authorization: basic('owner:red heron') };
  for (const headers of [own, cookie, {}, wrong, ...Array(12).fill(own)]) {
    for (const action of ACTIONS) {
      const { statusCode, headers: sent, body } = await ask(`/${action}`, headers);
      expect([statusCode, sent['retry-after']]).toEqual([503, '5']);
      expect(sent['www-authenticate']).toBeUndefined();
      expect(body).toContain('the database does not answer');
      expect(body).not.toContain('example.org');
    }
  }
  const described = await ask('/v3/session', cookie);
  expect([described.statusCode, described.json().error]).toEqual([
    503,
    'nobody can log in now: the database does not answer',
  ]);
  expect(log.join('')).not.toContain('wrong name or password');
  carrier?.comeBack();
  expect((await ask('/read', own)).statusCode).toBe(200);
  expect((await ask('/v3/session', cookie)).json()).toMatchObject({ loggedIn: true });
});

test('while no person is known users of the file still log in, and with a MediaMTX file their wrong passwords count', async () => {
  const permissions = [{ action: 'read' as const, path: '' }];
  const internalUsers = [{ user: 'tom', pass: 'secret', ips: [], permissions }];
  await using own = await openWithoutDatabase({ rules: { isOwn: false, internalUsers } });
  const tom = { authorization: basic('tom:secret') };
  expect((await own.ask('/read', tom)).statusCode).toBe(200);
  expect((await own.ask('/admin', tom)).statusCode).toBe(401);
  expect((await own.ask('/playback', tom)).statusCode).toBe(401);
  expect((await own.ask('/read', {})).headers['www-authenticate']).toBeDefined();
  expect((await own.ask('/read', own.cookie)).statusCode).toBe(503);
  expect((await own.ask('/read', { ...own.cookie, authorization: basic('tom:wrong') })).statusCode).toBe(401);
  expect((await own.ask('/admin', {})).statusCode).toBe(503);
  own.box.authority.setRules({ isOwn: true, internalUsers });
  expect((await own.ask('/read', tom)).statusCode).toBe(200);
  expect((await own.ask('/read', {})).headers['www-authenticate']).toBeDefined();
  expect((await own.ask('/read', own.own)).statusCode).toBe(503);
});
