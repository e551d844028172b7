import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { openHttpHarness } from '../../test/support/harness/http/http-harness.ts';
import { openAskedServer } from '../../test/support/servers/asked-server.ts';
import { SessionAuthority } from '../app/servers/session-access.ts';
import { Authority } from '../auth/permissions/authorize.ts';
import { WrongCredentials } from '../auth/throttle/wrong-credentials.ts';
import { systemClock } from '../base/clock.ts';
import { createLogger } from '../base/log.ts';
import { textLine } from '../base/log-text.ts';

const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const NO_ACCOUNTS = { owner: undefined, verify: async () => false, person: () => undefined };
const TOM = { user: 'tom', pass: 'secret', ips: [], permissions: [{ action: 'read' as const, path: 'yard' }] };

function openLog() {
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(textLine(line).replace(/^\S+ \S+ /, '')));
  return { lines, log };
}

async function openTokens() {
  const key = { ...(await exportJWK(KEY.publicKey)), alg: 'ES256' };
  const server = await openAskedServer({ status: 200, body: JSON.stringify({ keys: [key] }) });
  const words = { fingerprint: '', claimKey: 'may', exclude: [], issuer: '', audience: '', timeoutMs: 10_000 };
  const make = (payload: Record<string, unknown> = {}) =>
    new SignJWT({ may: [{ action: 'read', path: 'yard' }], ...payload })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(KEY.privateKey);
  const rules = { isOwn: false, internalUsers: [], jwt: { ...words, jwks: server.url, inHttpQuery: true } };
  return { rules, make, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const REASON = 'reason="the token allows read yard"';

test.for(['Bearer', 'token', 'jwt'])(
  'a token that does not permit an HTTP request is logged once (%s)',
  async (scheme) => {
    await using tokens = await openTokens();
    const { lines, log } = openLog();
    await using box = await openHttpHarness({ rules: tokens.rules, log });
    box.app.get('/read', (request) => box.access.require(request, 'read', 'door'));
    const token = await tokens.make();
    const query = scheme === 'Bearer' ? '' : `?${scheme}=${token}`;
    const headers = { host: '192.168.1.2', ...(scheme === 'Bearer' ? { authorization: `Bearer ${token}` } : {}) };
    const answer = await box.app.inject({ url: `/read${query}`, remoteAddress: '192.168.1.9', headers });
    expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, undefined]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`INF [door] not permitted ${REASON} action=read ip=192.168.1.9`);
    expect(lines[0]).not.toContain(token);
  },
);

const REQUESTER = {
  ip: '192.168.1.9',
  connection: undefined,
  query: '',
  id: 'x',
  userAgent: '',
  protocol: 'rtsp',
  credentials: undefined,
};

/** Pauses end at once. */
const noPauses = () => new WrongCredentials(systemClock, new AbortController().signal, () => 0);

test('a token that does not permit an RTSP request is logged once', async () => {
  await using tokens = await openTokens();
  const { lines, log } = openLog();
  const access = new SessionAuthority(new Authority(NO_ACCOUNTS, tokens.rules), noPauses(), log);
  expect(await access.authorize('read', 'door', { ...REQUESTER, query: `jwt=${await tokens.make()}` })).toBe('refused');
  expect(lines).toEqual([`INF [door] not permitted ${REASON} action=read ip=192.168.1.9 protocol=rtsp\n`]);
});

test('an expired token is logged with its reason', async () => {
  await using tokens = await openTokens();
  const { lines, log } = openLog();
  const access = new SessionAuthority(new Authority(NO_ACCOUNTS, tokens.rules), noPauses(), log);
  await access.authorize('read', 'yard', { ...REQUESTER, query: `jwt=${await tokens.make({ exp: 1 })}` });
  expect(lines).toEqual([
    'WAR [yard] failed to authenticate reason="the token has expired (exp)" action=read ip=192.168.1.9 protocol=rtsp\n',
  ]);
});

test.for([
  ['secret', 'INF [door] not permitted reason="no entry of authInternalUsers permits it"'],
  ['x', 'WAR [door] failed to authenticate reason="wrong name or password"'],
] as const)('over RTSP and HTTP: the password %s', async ([password, line]) => {
  const { lines, log } = openLog();
  const access = new SessionAuthority(
    new Authority(NO_ACCOUNTS, { isOwn: false, internalUsers: [TOM] }),
    noPauses(),
    log,
  );
  await access.authorize('read', 'door', { ...REQUESTER, credentials: { user: 'tom', password } });
  expect(lines).toEqual([`${line} action=read ip=192.168.1.9 user=tom protocol=rtsp\n`]);
});

test('a rejected request without credentials is not logged', async () => {
  const { lines, log } = openLog();
  const access = new SessionAuthority(
    new Authority(NO_ACCOUNTS, { isOwn: false, internalUsers: [TOM] }),
    noPauses(),
    log,
  );
  expect(await access.authorize('read', 'door', REQUESTER)).toBe('challenge');
  expect(lines).toEqual([]);
});
