import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { operationsOf } from '../../../test/support/clients/api-requests.ts';
import { failure, ID, LOOPBACK, openApi } from '../../../test/support/harness/http/control-api-harness.ts';
import { MEDIAMTX_USERS } from '../../config/schema/common/general.ts';

test('a page of another origin calls the API with name and password', async () => {
  await using api = await openApi({ password: 'blue heron' });
  const headers = {
    ...{ host: 'box.local', origin: 'https://dash.example', 'sec-fetch-site': 'cross-site' },
    authorization: `Basic ${Buffer.from('owner:blue heron').toString('base64')}`,
  };
  const answer = await api.app.inject({ url: '/v3/paths/list', remoteAddress: '192.168.1.7', headers });
  expect([answer.statusCode, answer.headers['access-control-allow-origin'], answer.json().itemCount]).toEqual([
    200,
    '*',
    2,
  ]);
  const wrong = { ...headers, authorization: `Basic ${Buffer.from('owner:grey heron').toString('base64')}` };
  const refused = await api.app.inject({ url: '/v3/paths/list', remoteAddress: '192.168.1.7', headers: wrong });
  // The page can read why.
  expect([refused.statusCode, refused.headers['access-control-allow-origin'], refused.json()]).toEqual([
    401,
    '*',
    failure('authentication error'),
  ]);
});

test("with MediaMTX's default users the API is open to this machine only: others need a name and password", async () => {
  await using api = await openApi({ rules: { isOwn: false, internalUsers: MEDIAMTX_USERS } });
  const ask = (remoteAddress: string, host: string) =>
    api.app.inject({ url: '/v3/paths/list', remoteAddress, headers: { host } });
  expect((await ask('127.0.0.1', 'localhost:9997')).statusCode).toBe(200);
  const elsewhere = await ask('192.168.1.7', '192.168.1.2:9997');
  expect([elsewhere.statusCode, elsewhere.headers['www-authenticate'], elsewhere.json()]).toEqual([
    401,
    'Basic realm="mediamtx"',
    failure('authentication error'),
  ]);
});

test('everything needs the permission, unknown routes too, and a preflight does not', async () => {
  await using api = await openApi({ password: 'blue heron' });
  for (const url of ['/v3/info', '/v3/paths/list', '/v3/config/global/get', '/v3/unknown', '/v3/recordings/list']) {
    const answer = await api.app.inject({ url, ...LOOPBACK });
    expect([url, answer.statusCode, answer.json()]).toEqual([url, 401, failure('authentication error')]);
  }
  const headers = { ...LOOPBACK.headers, origin: 'https://dash.example', 'access-control-request-method': 'GET' };
  const preflight = await api.app.inject({ method: 'OPTIONS', url: '/v3/paths/list', ...LOOPBACK, headers });
  expect([preflight.statusCode, preflight.headers['access-control-allow-origin']]).toEqual([204, '*']);
  expect(preflight.headers['access-control-allow-methods']).toBe('OPTIONS, GET, POST, PATCH, DELETE');
  expect(preflight.headers['access-control-allow-headers']).toBe('Authorization, Content-Type');
  expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
});

/** A stream without an end, with a test of its own. */
const EVENT_STREAM = '/v3/events';

test('no GET route tells viewers of a camera that they may not see', async () => {
  await using api = await openApi({ password: 'blue heron' });
  await api.accounts.people.addUser({ name: 'ann', cameras: ['yard'], live: true, recordings: true }, 'a red kite');
  const token = await api.accounts.logIn('ann', 'a red kite', { ip: '192.168.1.7', isPrivate: true });
  const host = '192.168.1.2:9997';
  const headers = { host, origin: `http://${host}`, cookie: `perch_session=${token}` };
  const owner = { authorization: `Basic ${Buffer.from('owner:blue heron').toString('base64')}`, host };
  const document = await api.app.inject({ url: '/v3/openapi.json', ...LOOPBACK, headers: owner });
  const routes = operationsOf(document.json())
    .filter(({ method, path }) => method === 'GET' && path !== EVENT_STREAM)
    .map(({ path }) => path);
  expect(routes.length).toBeGreaterThan(30);
  const leaks: string[] = [];
  for (const route of routes) {
    for (const name of ['door', 'garden/gate', ID]) {
      const url = route.replace(/\{[^}]+\}/, name);
      const answer = await api.app.inject({ url, remoteAddress: '192.168.1.7', headers });
      if (answer.statusCode === 200 && (url !== route || /door|gate/.test(answer.body))) {
        leaks.push(`${url}: ${answer.body}`);
      }
    }
  }
  expect(leaks).toEqual([]);
});

const PTZ = [
  ['GET', 'ptz/get'],
  ['GET', 'ptz/presets'],
  ['POST', 'ptz/move'],
  ['POST', 'ptz/stop'],
  ['POST', 'ptz/home'],
  ['POST', 'ptz/goto'],
  ['GET', 'ptz/position'],
  ['POST', 'ptz/position'],
  ['POST', 'ptz/center'],
] as const;
const OUTPUTS = [
  ['GET', 'outputs/list'],
  ['POST', 'outputs/set'],
] as const;

test('a viewer turns the cameras with that right, and switches outputs with another one; none changes positions and relays', async () => {
  await using api = await openApi({ password: 'blue heron' });
  const { people } = api.accounts;
  const rights = { cameras: ['door'], live: true, recordings: false } as const;
  await people.addUser({ name: 'ann', ...rights, turn: true }, 'a red kite');
  await people.addUser({ name: 'bob', ...rights, talk: true }, 'a red kite');
  await people.addUser({ name: 'cat', ...rights, switch: true }, 'a red kite');
  const host = '192.168.1.2:9997';
  const statusOf = async (name: string, method: 'GET' | 'POST', address: string) => {
    const token = await api.accounts.logIn(name, 'a red kite', { ip: '192.168.1.7', isPrivate: true });
    const headers = { host, origin: `http://${host}`, cookie: `perch_session=${token}` };
    const answer = await api.app.inject({
      method,
      url: `/v3/cameras/${address}`,
      remoteAddress: '192.168.1.7',
      headers,
      ...(method === 'POST' && { payload: {} }),
    });
    return answer.statusCode;
  };
  for (const [who, other, routes] of [
    ['ann', 'cat', PTZ],
    ['cat', 'ann', OUTPUTS],
  ] as const) {
    for (const [method, route] of routes) {
      expect([route, (await statusOf(who, method, `${route}/door`)) === 401]).toEqual([route, false]);
      expect([route, await statusOf(who, method, `${route}/yard`)]).toEqual([route, 401]);
      expect([route, await statusOf('bob', method, `${route}/door`)]).toEqual([route, 401]);
      expect([route, await statusOf(other, method, `${route}/door`)]).toEqual([route, 401]);
    }
  }
  for (const route of ['ptz/presets/door', 'ptz/remove/door', 'outputs/relay/door', 'reboot/door']) {
    for (const who of ['ann', 'cat']) {
      expect([who, route, await statusOf(who, 'POST', route)]).toEqual([who, route, 401]);
    }
  }
});

test('a paired server moves cameras and switches outputs as far as the box lets it, and reads why not', async () => {
  const may = (action: string, path: string) => action === 'turn' && path === 'door';
  await using api = await openApi({ password: 'blue heron', pairedServer: () => ({ may, isServer: true }) });
  const answerTo = async (method: 'GET' | 'POST', address: string) => {
    const url = `/v3/cameras/${address}`;
    const request = { method, url, remoteAddress: '192.168.1.7', ...(method === 'POST' && { payload: {} }) };
    const { statusCode, body } = await api.app.inject(request);
    return statusCode === 401 ? body : 'taken';
  };
  for (const [method, route] of PTZ) {
    expect([route, await answerTo(method, `${route}/door`)]).toEqual([route, 'taken']);
    expect(await answerTo(method, `${route}/yard`)).toContain("this box does not let the server move 'yard'");
  }
  for (const [method, route] of OUTPUTS) {
    expect(await answerTo(method, `${route}/door`)).toContain("does not let the server switch outputs of 'door'");
  }
  for (const [method, route] of [
    ['POST', 'ptz/presets/door'],
    ['POST', 'ptz/remove/door'],
    ['POST', 'outputs/relay/door'],
    ['POST', 'reboot/door'],
    ['GET', 'encoder/door'],
  ] as const) {
    expect([route, await answerTo(method, route)]).not.toEqual([route, 'taken']);
  }
});

test('a right that is withdrawn while the body of a command comes ends it', async () => {
  let rights = ['turn'];
  const may = (action: string) => rights.includes(action);
  await using api = await openApi({ password: 'blue heron', pairedServer: () => ({ may, isServer: true }) });
  const body = (withdrawn: boolean) =>
    Readable.from(
      (function* () {
        yield '{"pan":';
        rights = withdrawn ? [] : rights;
        yield '0.5}';
      })(),
    );
  const move = async (withdrawn: boolean) => {
    const headers = { 'content-type': 'application/json' };
    const request = {
      method: 'POST',
      url: '/v3/cameras/ptz/move/door',
      remoteAddress: '192.168.1.7',
      headers,
    } as const;
    return (await api.app.inject({ ...request, payload: body(withdrawn) })).statusCode;
  };
  // There is no such camera.
  expect([await move(false), await move(true)]).toEqual([404, 401]);
});
