import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { secretOfUri } from '../../../test/support/clients/authenticator-app.ts';
import { SoftwareAuthenticator } from '../../../test/support/clients/software-authenticator.ts';
import { totpCode } from '../../auth/accounts/second-factor.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { App } from '../app.ts';

const PASSWORD = 'blue heron';
const ELSEWHERE = { 'X-Forwarded-For': '203.0.113.5' };
const basicOf = (user: string, password: string) => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

const cookieOf = ({ headers }: Response) => ({
  Cookie: headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; '),
});

/** Perch with an owner, asked by a page of this host. */
async function openApp(host: string) {
  // Wrong credentials wait for none of their four seconds.
  const unpaused = vi.spyOn(Math, 'random').mockReturnValue(0);
  const folder = mkdtempSync(join(tmpdir(), 'perch-factor-'));
  writeFileSync(
    join(folder, 'perch.yml'),
    'perch: own\naddress: 127.0.0.1:0\nrtsp: no\nhls: no\nwebrtc: no\napi: no\nplayback: no\nmetrics: no\npaths:\n  door:\n',
  );
  const app = await App.start({
    ...{ version: '0', dataDir: join(folder, 'data'), cwd: folder, env: {}, pageFolder: folder },
    ...{ clock: systemClock, log: createLogger('silent', () => {}), discovery: { only: [] } },
  });
  onTestFinished(async () => {
    unpaused.mockRestore();
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `http://${host}:${app.mainPort}`;
  const ask = (method: string, path: string, headers: object, body?: object) =>
    fetch(`${url}${path}`, {
      method,
      headers: { ...(body && { 'Content-Type': 'application/json', Origin: url }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  const owner = cookieOf(
    await ask('POST', '/v3/claim', {}, { password: PASSWORD, setupCode: app.accounts.setup?.code }),
  );
  return { url, ask, owner };
}

test('an owner with a second factor opens nothing with the password alone, whether from elsewhere or on the box', async () => {
  const { ask, owner } = await openApp('127.0.0.1');
  const device = (await (
    await ask('POST', '/v3/devicepasswords', owner, { name: 'Frigate', paths: 'all', recordings: true })
  ).json()) as { user: string; password: string };
  const byPassword = basicOf('owner', PASSWORD);
  const status = async (headers: object, path = '/v3/users') => (await ask('GET', path, headers)).status;
  expect(await status({ ...byPassword, ...ELSEWHERE })).toBe(200);

  expect((await ask('POST', '/v3/session/factor', owner, { password: 'wrong' })).status).toBe(403);
  const setup = (await (await ask('POST', '/v3/session/factor', owner, { password: PASSWORD })).json()) as {
    uri: string;
    setup: string;
  };
  const step = Math.floor(Date.now() / 30_000);
  const code = totpCode(secretOfUri(setup.uri), step);
  const wrong = await ask('POST', '/v3/session/factor/confirm', owner, { code: 'none', setup: setup.setup });
  expect([wrong.status, (await wrong.json()) as object]).toEqual([
    403,
    expect.objectContaining({ status: 'error', error: 'wrong code', why: 'wrongCode' }),
  ]);
  const confirmed = await ask('POST', '/v3/session/factor/confirm', owner, { code, setup: setup.setup });
  const known = cookieOf(confirmed);
  const { recovery } = (await confirmed.json()) as { recovery: readonly string[] };
  expect(recovery).toHaveLength(10);

  const refused = await ask('GET', '/v3/users', { ...byPassword, ...ELSEWHERE });
  expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([
    401,
    expect.stringContaining('use a device password, a user of the configuration file or a token'),
  ]);
  expect([await status(byPassword), await status(byPassword, '/v3/paths/list'), await status(owner)]).toEqual([
    401, 401, 200,
  ]);
  const byDevice = { ...basicOf(device.user, device.password), ...ELSEWHERE };
  expect(await status(byDevice, '/playback/list?path=door')).not.toBe(401);
  const logIn = (headers: object, more = {}) =>
    ask('POST', '/v3/session', { ...headers, ...ELSEWHERE }, { password: PASSWORD, ...more });
  const needed = await logIn({});
  expect([needed.status, (await needed.json()) as object]).toEqual([
    401,
    expect.objectContaining({ why: 'codeNeeded' }),
  ]);
  expect((await logIn({}, { code })).status).toBe(401);
  expect((await logIn({}, { code: recovery[0] })).status).toBe(200);
  expect((await logIn({}, { code: recovery[0] })).status).toBe(401);
  expect((await logIn(known)).status).toBe(200);
  const session = (await (await ask('GET', '/v3/session', owner)).json()) as object;
  expect(session).toMatchObject({ role: 'owner', secondFactor: true });
  expect((await ask('POST', '/v3/session/factor/remove', owner, { password: PASSWORD, code: 'none' })).status).toBe(
    403,
  );
  const removed = await ask('POST', '/v3/session/factor/remove', owner, { password: PASSWORD, code: recovery[1] });
  expect(removed.status).toBe(200);
  expect(await status({ ...byPassword, ...ELSEWHERE })).toBe(200);
});

test('a passkey is added, logs in, is listed and removed; at an IP address there is none', async () => {
  const { url, ask, owner } = await openApp('localhost');
  const password = PASSWORD;
  const post = async (path: string, body: object, headers: object = owner) =>
    (await (await ask('POST', `/v3/session${path}`, headers, body)).json()) as Record<string, never>;
  const atAddress = { ...owner, Origin: url.replace('localhost', '127.0.0.1'), 'Sec-Fetch-Site': 'same-origin' };
  expect(await post('/passkeys/options', { password }, atAddress)).toMatchObject({
    status: 'error',
    why: 'noPasskeysHere',
  });
  expect(await post('/passkeys/options', { password: 'wrong' })).toMatchObject({ error: 'wrong password' });
  const browser = new SoftwareAuthenticator(url);
  const { options } = await post('/passkeys/options', { password });
  expect(options).toMatchObject({ rp: { id: 'localhost' }, attestation: 'none', excludeCredentials: [] });
  const { recovery } = await post('/passkeys', { name: ' Laptop ', response: browser.create(options as never) });
  expect(recovery).toHaveLength(10);
  expect(await post('/challenge', { password }, atAddress)).toMatchObject({ passkey: null });
  const proof = async () => ({
    password,
    passkey: browser.get((await post('/challenge', { password }, {}))['passkey'] as never),
  });
  expect(await post('', { password }, {})).toMatchObject({ why: 'codeNeeded' });
  expect(await post('', await proof(), {})).toMatchObject({ status: 'ok' });
  const used = await proof();
  expect(await post('/factor/recovery', used)).toMatchObject({ recovery: expect.any(Array) });
  expect(await post('/factor/recovery', used)).toMatchObject({ why: 'wrongPasskey' });
  const listed = (await (await ask('GET', '/v3/session/factor', owner)).json()) as object;
  expect(listed).toEqual({
    ...{ app: false, recoveryCodes: 10 },
    passkeys: [
      { id: browser.id, name: 'Laptop', host: 'localhost', created: expect.any(String), lastUsed: expect.any(String) },
    ],
  });
  expect(await post('/passkeys/remove', { ...(await proof()), id: browser.id })).toMatchObject({ why: 'last' });
  expect(await post('/factor/remove', { password })).toMatchObject({ why: 'codeNeeded' });
  expect(await post('/factor/remove', await proof())).toMatchObject({ status: 'ok' });
  expect(await post('', { password }, {})).toMatchObject({ status: 'ok' });
});
