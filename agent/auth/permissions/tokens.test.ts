import { createSecretKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { type AskedServerHarness, openAskedServer } from '../../../test/support/servers/asked-server.ts';
import { createLogger } from '../../base/log.ts';
import type { AuthRequest } from './api-auth.ts';
import { type TokenSettings, Tokens } from './tokens.ts';

const request: AuthRequest = {
  ...{ action: 'read', path: 'door', ip: '192.168.1.9', isIpKnown: true, user: '', password: '', token: '' },
  ...{ protocol: 'hls', id: null, query: '', userAgent: '' },
};
const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const OTHER = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const RSA = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const PERMISSIONS = [{ action: 'read', path: '~^do' }];

const jwks = async () =>
  JSON.stringify({
    keys: [
      { ...(await exportJWK(KEY.publicKey)), kid: 'a', alg: 'ES256' },
      { ...(await exportJWK(RSA.publicKey)), kid: 'b', alg: 'RS256' },
      { kty: 'oct', k: 'c2VjcmV0', kid: 'shared', alg: 'HS256' },
    ],
  });

interface TokenBox extends AsyncDisposable {
  readonly server: AskedServerHarness;
  readonly clock: FakeClock;
  readonly log: string[];
  readonly machines: Tokens;
  make(
    payload: Record<string, unknown>,
    key?: { readonly privateKey: KeyObject },
    header?: { alg: string; kid?: string },
  ): Promise<string>;
  reason(token: string, more?: Partial<AuthRequest>): Promise<string>;
}

async function openTokens(settings: Partial<TokenSettings> = {}): Promise<TokenBox> {
  const server = await openAskedServer({ status: 200, body: await jwks() });
  const clock = new FakeClock();
  const log: string[] = [];
  const defaults = { fingerprint: '', claimKey: 'mediamtx_permissions', exclude: [], inHttpQuery: false };
  const all = { ...defaults, issuer: '', audience: '', timeoutMs: 10_000, jwks: server.url, ...settings };
  const machines = new Tokens(
    all,
    clock,
    createLogger('info', (line) => log.push(line)),
  );
  return {
    ...{ server, clock, log, machines },
    make: (payload, key: { readonly privateKey: KeyObject } = KEY, header = { alg: 'ES256', kid: 'a' }) =>
      new SignJWT({ mediamtx_permissions: PERMISSIONS, ...payload }).setProtectedHeader(header).sign(key.privateKey),
    reason: async (token, more = {}) => {
      const { allowed, reason } = await machines.decide({ ...request, token, ...more }, true);
      return `${allowed ? 'in: ' : ''}${reason}`;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const nowS = Date.UTC(2026, 0, 1) / 1000;

test('a token permits what its claim lists, under the name of its subject', async () => {
  await using box = await openTokens();
  const token = await box.make({ sub: 'tom' });
  expect(await box.machines.decide({ ...request, token }, true)).toEqual({
    allowed: true,
    reason: 'token of tom',
    isKnown: true,
    user: 'tom',
  });
  expect(await box.reason(token, { path: 'yard' })).toBe('the token allows read ~^do');
  expect(await box.reason(token, { action: 'publish' })).toBe('the token allows read ~^do');
  expect(await box.reason(await box.make({}, RSA, { alg: 'RS256', kid: 'b' }))).toBe('in: token of an unnamed user');
  expect(await box.reason(await box.make({ mediamtx_permissions: '[{"action":"read"}]' }))).toContain('in: ');
  // Fetched at first use, once.
  expect(box.server.asked).toEqual(['GET']);
});

test.for<[string, Record<string, unknown>, string]>([
  ['has expired', { exp: nowS - 10 }, 'the token has expired (exp)'],
  ['is not valid yet', { nbf: nowS + 10 }, 'the token is not valid yet (nbf)'],
  ['was issued in the future', { iat: nowS + 10 }, 'the token was issued in the future (iat)'],
  ['has no number as its end', { exp: 'soon' }, 'the token is invalid: "exp" claim must be a number'],
  ['lacks the claim', { mediamtx_permissions: undefined }, 'the token has no claim mediamtx_permissions'],
  ['has another claim', { mediamtx_permissions: 'yes' }, 'is not JSON'],
  ['comes from another issuer', { iss: 'evil', aud: 'perch' }, 'the token is from another issuer (iss)'],
  ['is for another audience', { iss: 'sso', aud: 'other' }, 'the token is for another audience (aud)'],
])('a token that %s is rejected', async ([, payload, reason]) => {
  const settings = 'aud' in payload ? { issuer: 'sso', audience: 'perch' } : {};
  await using box = await openTokens(settings);
  const said = await box.reason(await box.make(payload));
  expect(said).toContain(reason);
  expect(said).not.toContain('in: ');
  expect(said).not.toContain('[object');
});

test('issuer and audience are checked if set, and times with a tolerance of a few seconds', async () => {
  await using box = await openTokens({ issuer: 'sso', audience: 'perch', claimKey: 'rights' });
  const times = { exp: nowS - 2, nbf: nowS + 2, iat: nowS + 2 };
  const token = await box.make({ iss: 'sso', aud: ['x', 'perch'], rights: PERMISSIONS, sub: 'tom', ...times });
  expect(await box.reason(token)).toBe('in: token of tom');
});

test.for([
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
] as const)('%s is verified by a key of kty oct with at least %d bytes', async ([alg, bytes]) => {
  const secret = new Uint8Array(bytes).fill(7);
  const k = Buffer.from(secret).toString('base64url');
  await using box = await openTokens();
  const sign = (kid: string, key: Uint8Array, name: string = alg) =>
    new SignJWT({ mediamtx_permissions: PERMISSIONS, sub: 'tom' }).setProtectedHeader({ alg: name, kid }).sign(key);
  const keys = [
    { kty: 'oct', kid: 'any', k },
    { kty: 'oct', kid: 'its', k, alg },
    { kty: 'oct', kid: 'encrypts', k, use: 'enc' },
    { kty: 'oct', kid: 'signs', k, key_ops: ['sign'] },
    { kty: 'oct', kid: 'short', k: Buffer.from(secret.subarray(1)).toString('base64url') },
    { kty: 'oct', kid: 'none' },
    { ...(await exportJWK(RSA.publicKey)), kid: 'rsa', k },
    { ...(await exportJWK(KEY.publicKey)), kid: 'ec' },
  ];
  box.server.reply = { status: 200, body: JSON.stringify({ keys }) };
  for (const kid of ['any', 'its']) {
    expect(await box.reason(await sign(kid, secret))).toBe('in: token of tom');
  }
  const pem = Buffer.from(RSA.publicKey.export({ type: 'spki', format: 'pem' }));
  for (const kid of ['encrypts', 'signs', 'none', 'rsa', 'ec', 'other']) {
    expect(await box.reason(await sign(kid, secret))).not.toContain('in: ');
    expect(await box.reason(await sign(kid, pem))).not.toContain('in: ');
  }
  expect(await box.reason(await sign('any', pem))).not.toContain('in: ');
  expect(await box.reason(await sign('short', secret.subarray(1)))).toContain(
    `the ${alg} key of authJWTJWKS has ${bytes - 1} bytes, at least ${bytes} are required`,
  );
});

test.for([
  ['public keys', 'ES256'],
  ['shared secrets', 'HS256'],
] as const)('a token that names no key is verified by any of its type: %s', async ([, alg]) => {
  await using box = await openTokens();
  const make = async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const secret = createSecretKey(randomBytes(32));
    const [jwk, key] =
      alg === 'ES256'
        ? [await exportJWK(pair.publicKey), pair.privateKey]
        : [{ kty: 'oct', k: secret.export().toString('base64url') }, secret];
    return { jwk, sign: () => box.make({ sub: 'tom' }, { privateKey: key }, { alg }) };
  };
  const [former, present, next] = [await make(), await make(), await make()];
  const publish = (...made: readonly (typeof former)[]) => {
    box.server.reply = { status: 200, body: JSON.stringify({ keys: made.map(({ jwk }) => jwk) }) };
  };
  publish(former, present);
  expect(await box.reason(await former.sign())).toBe('in: token of tom');
  expect(await box.reason(await present.sign())).toBe('in: token of tom');
  // The issuer has changed its keys since they were fetched.
  publish(present, next);
  await box.clock.advance(61_000);
  const tokens = await Promise.all([next.sign(), next.sign()]);
  const reasons = await Promise.all(tokens.map((token) => box.reason(token)));
  expect(reasons).toEqual(['in: token of tom', 'in: token of tom']);
  expect(await box.reason(await former.sign())).toContain('signature verification failed');
  expect(box.server.asked).toHaveLength(2);
});

test('a token that names no key is verified also next to a key that is too short', async () => {
  await using box = await openTokens();
  const [short, long] = [1_024, 2_048].map((modulusLength) => generateKeyPairSync('rsa', { modulusLength }));
  const keys = await Promise.all([short, long, short].map((pair) => exportJWK(pair?.publicKey as KeyObject)));
  box.server.reply = { status: 200, body: JSON.stringify({ keys }) };
  expect(await box.reason(await box.make({ sub: 'tom' }, long, { alg: 'RS256' }))).toBe('in: token of tom');
  expect(await box.reason(await box.make({}, RSA, { alg: 'RS256' }))).toContain('signature verification failed');
});

test('while the keys are fetched again because of a wrong token, others go on with those that are there', async () => {
  await using box = await openTokens({ timeoutMs: 2_000 });
  const [good, wrong] = [await box.make({ sub: 'tom' }), await box.make({}, OTHER)];
  expect(await box.reason(good)).toBe('in: token of tom');
  box.server.reply = undefined;
  await box.clock.advance(61_000);
  const rejected = box.reason(wrong);
  await expect.poll(() => box.server.asked.length).toBe(2);
  expect(await box.reason(good)).toBe('in: token of tom');
  await box.clock.advance(2_000);
  expect(await rejected).toContain('signature verification failed');
});

test('a signature with a short shared secret or none is rejected', async () => {
  await using box = await openTokens();
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = part({ mediamtx_permissions: PERMISSIONS });
  const none = `${part({ alg: 'none' })}.${body}.`;
  const shared = new TextEncoder().encode('secret');
  const symmetric = await new SignJWT({ mediamtx_permissions: PERMISSIONS })
    .setProtectedHeader({ alg: 'HS256', kid: 'shared' })
    .sign(shared);
  // The public key taken for a shared secret.
  const head = `${part({ alg: 'HS256', kid: 'b' })}.${body}`;
  const confused = `${head}.${sign('sha256', Buffer.from(head), RSA.privateKey).toString('base64url')}`;
  const foreign = await box.make({}, OTHER);
  const unknown = await box.make({}, OTHER, { alg: 'ES256', kid: 'c' });
  for (const token of [none, symmetric, confused, foreign, unknown, 'a.b.c', 'x', `${'a'.repeat(20_000)}.b.c`]) {
    expect(await box.reason(token)).not.toContain('in: ');
  }
});

test.for<[string, Partial<TokenSettings>, Partial<AuthRequest>, boolean]>([
  ['as a password', {}, { user: 'anyone', password: '@' }, true],
  ['in the query of RTSP', {}, { mayHaveQueryToken: true, query: 'a=1&token=@' }, true],
  ['in the query of RTSP by its old name', {}, { mayHaveQueryToken: true, query: 'jwt=@' }, true],
  ['in the query of HTTP', {}, { query: 'token=@' }, false],
  ['in the query of HTTP where that is allowed', { inHttpQuery: true }, { query: 'jwt=@' }, true],
  ['in the query after a wrong bearer', { inHttpQuery: true }, { token: 'a.b.c', query: 'token=@' }, false],
])('a token %s', async ([, settings, where, isAllowed]) => {
  await using box = await openTokens(settings);
  const token = await box.make({});
  const filled = Object.fromEntries(
    Object.entries(where).map(([key, value]) => [key, String(value).replace('@', token)]),
  );
  const verdict = await box.machines.decide({ ...request, ...filled }, true);
  expect(verdict.allowed).toBe(isAllowed);
});

test('a wrong token in a query is a guess, one without the permission is known', async () => {
  await using box = await openTokens({ inHttpQuery: true });
  const wrong = await box.machines.decide({ ...request, query: 'token=a.b.c' }, true);
  expect(wrong).toMatchObject({ allowed: false, isGuess: true });
  const token = await box.make({});
  expect(await box.machines.decide({ ...request, token, path: 'yard' }, true)).toMatchObject({ isKnown: true });
  expect(await box.machines.decide(request, true)).toEqual({ allowed: false, reason: 'no token' });
});

test('keys are cached for an hour, fetched again on request, and used while their server is offline', async () => {
  await using box = await openTokens();
  const token = await box.make({ sub: 'tom' });
  const ask = () => box.reason(token);
  await ask();
  await box.clock.advance(3_599_000);
  await ask();
  expect(box.server.asked).toHaveLength(1);
  box.server.reply = { status: 503 };
  await box.clock.advance(2_000);
  expect(await ask()).toBe('in: token of tom');
  expect(box.server.asked).toHaveLength(2);
  // Not requested again for each request, and logged once.
  await ask();
  expect(box.server.asked).toHaveLength(2);
  await box.clock.advance(6_000);
  await ask();
  expect(box.server.asked).toHaveLength(3);
  expect(box.log.map((line) => JSON.parse(line).msg)).toEqual(['fetching keys of authJWTJWKS failed']);
  box.machines.refresh();
  expect(await ask()).toBe('authJWTJWKS answered 503');
  box.server.reply = { status: 200, body: await jwks() };
  await box.clock.advance(6_000);
  expect(await ask()).toBe('in: token of tom');
});

test('a new key is fetched with its first token, and an invented one causes at most one request a minute', async () => {
  await using box = await openTokens();
  await box.reason(await box.make({}));
  const added = { ...(await exportJWK(OTHER.publicKey)), kid: 'new', alg: 'ES256' };
  box.server.reply = { status: 200, body: JSON.stringify({ keys: [added] }) };
  const token = await box.make({ sub: 'tom' }, OTHER, { alg: 'ES256', kid: 'new' });
  expect(await box.reason(token)).toContain('the token is invalid');
  await box.clock.advance(60_000);
  expect(await box.reason(token)).toBe('in: token of tom');
  for (let i = 0; i < 10; i += 1) {
    expect(await box.reason(await box.make({}, OTHER, { alg: 'ES256', kid: `x${i}` }))).not.toContain('in: ');
  }
  expect(box.server.asked).toHaveLength(2);
});

test.for([
  ['no JSON', 'x'],
  ['no list', '{"keys":{}}'],
  ['null', 'null'],
  ['too many keys', JSON.stringify({ keys: Array(101).fill({ kty: 'oct' }) })],
  ['too much', ' '.repeat(300_000)],
] as const)('keys that are %s permit nothing', async ([, body]) => {
  await using box = await openTokens();
  box.server.reply = { status: 200, body };
  expect(await box.reason(await box.make({}))).toMatch(/authJWTJWKS has more than|not a JSON Web Key Set/);
});

test("excluded permissions need no token, except in Perch's own setup", async () => {
  await using box = await openTokens({ exclude: [{ action: 'read', path: '' }] });
  expect(await box.reason('')).toBe('in: authJWTExclude');
  expect(await box.machines.decide(request, false)).toMatchObject({ allowed: false });
  expect(box.machines.isOpen).toBe(true);
  expect((await box.machines.explain(request, false)).steps).toEqual([
    "authJWTExclude (read): ignored: Perch's own setup requires a password",
    'a token, signed with a key of authJWTJWKS, whose mediamtx_permissions allows read door, is permitted',
  ]);
});

test('a damaged token or key set permits nothing and stops nothing', async () => {
  await using box = await openTokens();
  const next = random(5);
  const token = await box.make({ sub: 'tom', exp: nowS + 60 });
  for (let i = 0; i < 400; i += 1) {
    const damaged = Buffer.from(mutate(Buffer.from(token), next)).toString('latin1');
    const said = await box.reason(damaged);
    expect(damaged === token || !said.startsWith('in: ') || sameButSpare(damaged, token)).toBe(true);
  }
  const keys = await jwks();
  for (let i = 0; i < 100; i += 1) {
    box.server.reply = { status: 200, body: Buffer.from(mutate(Buffer.from(keys), next)).toString('latin1') };
    box.machines.refresh();
    expect(await box.reason(token)).toBeTypeOf('string');
  }
});

/** The last character of base64 has bits that count for nothing. */
const sameButSpare = (a: string, b: string) => a.slice(0, -1) === b.slice(0, -1);
