import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { certificate } from '../../../test/support/cameras/channel-front.ts';
import { openAskedServer } from '../../../test/support/servers/asked-server.ts';
import { systemClock } from '../../base/clock.ts';
import type { AuthRequest } from './api-auth.ts';
import { ExternalAuth, type ExternalAuthSettings } from './external-auth.ts';

const ID = '5b9d7b1e-0f64-4f2b-9d6f-000000000001';
const request: AuthRequest = {
  ...{ action: 'read', path: 'door', ip: '192.168.1.9', isIpKnown: true, user: 'tom', password: 'secret', token: '' },
  ...{ protocol: 'rtsp', id: ID, query: 'a=1', userAgent: 'player 1' },
};
const FINGERPRINT = new X509Certificate(certificate('camera').cert).fingerprint256.replaceAll(':', '').toLowerCase();

const open = (address: string, more: Partial<ExternalAuthSettings> = {}, clock = systemClock) =>
  new ExternalAuth({ address, fingerprint: '', exclude: [], timeoutMs: 10_000, ...more }, clock);

test("the server gets MediaMTX's body", async () => {
  await using server = await openAskedServer({ status: 204 });
  expect(await open(server.url).decide(request, true)).toMatchObject({ allowed: true });
  await open(server.url).decide(
    { ...request, action: 'api', path: '', token: 'x.y', user: '', password: '', protocol: '', id: null },
    true,
  );
  expect(server.asked).toEqual([
    {
      ...{ ip: '192.168.1.9', user: 'tom', password: 'secret', token: 'secret', action: 'read', path: 'door' },
      ...{ protocol: 'rtsp', id: ID, query: 'a=1', userAgent: 'player 1' },
    },
    {
      ...{ ip: '192.168.1.9', user: '', password: '', token: 'x.y', action: 'api', path: '' },
      ...{ protocol: '', id: null, query: 'a=1', userAgent: 'player 1' },
    },
  ]);
});

test.for([
  ['a protocol other than HTTP', 'from the query', true, 'abc'],
  ['HTTP', 'nothing', false, ''],
] as const)('for %s the token is %s', async ([, , mayHaveQueryToken, token]) => {
  await using server = await openAskedServer({ status: 401 });
  const verdict = await open(server.url).decide(
    { ...request, mayHaveQueryToken, user: '', password: '', query: 'x=1&jwt=abc' },
    true,
  );
  expect(verdict).toMatchObject({ allowed: false, isGuess: token !== '' });
  expect(server.asked).toMatchObject([{ token }]);
});

test.for([
  [200, true],
  [299, true],
  [300, false],
  [302, false],
  [401, false],
  [500, false],
] as const)('an answer of %i permits: %s', async ([status, isAllowed]) => {
  await using server = await openAskedServer({
    status,
    body: 'why\u001b[31m\nnot',
    headers: { Location: 'http://127.0.0.1:1/' },
  });
  const { allowed, reason } = await open(server.url).decide(request, true);
  expect(allowed).toBe(isAllowed);
  expect(reason).toBe(`authHTTPAddress answered ${status}${isAllowed ? '' : ': why [31m not'}`);
  expect(server.asked).toHaveLength(1);
});

test('an endless answer is cut', async () => {
  await using server = await openAskedServer({ status: 403, body: 'x'.repeat(3_000_000) });
  const { allowed, reason } = await open(server.url).decide(request, true);
  expect([allowed, reason.length]).toEqual([false, 'authHTTPAddress answered 403: '.length + 200]);
});

test('a server that is offline or too slow permits nothing', async () => {
  const clock = new FakeClock();
  await using silent = await openAskedServer(undefined);
  const waiting = open(silent.url, {}, clock).decide(request, true);
  await expect.poll(() => silent.asked.length).toBe(1);
  await clock.advance(10_000);
  expect(await waiting).toMatchObject({ allowed: false, reason: 'authHTTPAddress: no answer for 10 s' });
  const away = await open('http://127.0.0.1:1/').decide(request, true);
  expect(away).toMatchObject({
    allowed: false,
    reason: expect.stringContaining('the request failed: connect ECONNREFUSED'),
  });
});

test('its certificate is trusted by its fingerprint only, and nothing is sent to another server', async () => {
  await using server = await openAskedServer({ status: 200 }, true);
  const ask = async (fingerprint: string) => (await open(server.url, { fingerprint }).decide(request, true)).allowed;
  expect([await ask('0'.repeat(64)), await ask('')]).toEqual([false, false]);
  expect(server.asked).toEqual([]);
  expect(await ask(FINGERPRINT)).toBe(true);
});

test("excluded permissions need no request; in Perch's own setup they permit nothing, nor are requests without credentials sent", async () => {
  await using server = await openAskedServer({ status: 200 });
  const machines = open(server.url, { exclude: [{ action: 'read', path: '~^do' }] });
  expect(await machines.decide({ ...request, user: '', password: '' }, true)).toMatchObject({ allowed: true });
  expect(await machines.decide({ ...request, user: '', password: '' }, false)).toMatchObject({ allowed: false });
  expect(server.asked).toEqual([]);
  expect([machines.isOpen, machines.anonymous]).toEqual([true, 'authHTTPExclude']);
  const { steps } = await machines.explain({ ...request, path: 'yard' }, true);
  expect(steps.join('\n')).toContain('authHTTPAddress decides');
  expect(steps.join('\n')).not.toContain('secret');
});

test('concurrent requests are limited; further ones are rejected', async () => {
  await using server = await openAskedServer(undefined);
  const clock = new FakeClock();
  const machines = open(server.url, {}, clock);
  const waiting = Array.from({ length: 80 }, () => machines.decide(request, true).catch(() => undefined));
  await expect(machines.decide(request, true)).rejects.toThrow('waiting');
  for (let i = 0; i < 5; i += 1) {
    await expect.poll(() => server.asked.length).toBe(16 * (i + 1));
    await clock.advance(10_000);
  }
  expect((await Promise.all(waiting)).map((verdict) => verdict?.allowed)).toEqual(Array(80).fill(false));
});

test('its answer is logged without the password or token of the request', async () => {
  const question = { ...request, password: 'p"ä$ word', query: 'token=x.y', mayHaveQueryToken: true };
  for (const asked of [question, { ...question, password: '' }]) {
    await using server = await openAskedServer(undefined, false, (body) => ({
      status: 401,
      body: `no: ${JSON.stringify(body)} ${(body as { token: string }).token}`,
    }));
    const { reason } = await open(server.url).decide(asked, true);
    expect(reason).toContain('no: {"ip":"192.168.1.9","user":"tom","password":"');
    expect(reason).not.toMatch(/\$ word|x\.y/);
  }
});

test('any answer is a grant or a rejection', async () => {
  await using server = await openAskedServer({ status: 200 });
  const next = random(3);
  const machines = open(server.url);
  for (let i = 0; i < 200; i += 1) {
    const status = 200 + Math.floor(next() * 400);
    const bytes = Buffer.from(Array.from({ length: Math.floor(next() * 60) }, () => Math.floor(next() * 256)));
    server.reply = { status, body: bytes.toString('latin1') };
    const { allowed, reason } = await machines.decide(request, true);
    expect(allowed).toBe(status <= 299);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is that it has none
    expect(reason).not.toMatch(/[\u0000-\u001f]/);
  }
});
