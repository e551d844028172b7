import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Operation, operationsOf } from '../../../test/support/clients/api-requests.ts';
import { testInZone } from '../../../test/support/harness/time-zone.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { App } from '../app.ts';

testInZone('UTC');

const PASSWORD = 'blue heron';
/** Routes that the page calls before and for the login, and public ones. */
const FOR_ALL = [
  'GET /v3/session',
  'POST /v3/claim',
  'POST /v3/session',
  'POST /v3/session/challenge',
  'DELETE /v3/session',
  'POST /v3/guest',
  'DELETE /v3/guest',
  // For supervisors, and for phones that are to trust the box before they log in.
  'GET /health',
  'GET /trust',
  'GET /trust/here',
  'GET /trust/perch.crt',
  'GET /trust/perch.mobileconfig',
  'GET /trust/perch.pem',
];
/** Routes of features for all: one needs the secret of an invitation, in one a box proves itself, one is for the authority of a certificate. */
const FOR_ALL_OF_FEATURES = [
  'POST /v3/pairedservers/pair',
  'GET /v3/away/link',
  'GET /.well-known/acme-challenge/{token}',
];
/** Routes for paired servers, which sign their requests. */
const SIGNED = [
  ...['GET /v3/pairedservers/link', 'GET /v3/pairedservers/rtsp', 'GET /v3/pairedservers/self'],
  ...[
    'DELETE /v3/pairedservers/self',
    'GET /v3/pairedservers/fleet',
    'POST /v3/pairedservers/fleet',
    'GET /v3/pairedservers/settings/{name}',
    'PATCH /v3/pairedservers/settings/{name}',
  ],
  ...['', '/file', '/list', '/protected', '/stills'].map((part) => `GET /v3/pairedservers/recordings${part}`),
];
const WATCHING = [
  ...['GET /v3/paths/list', 'GET /v3/paths/get/{name}', 'GET /v3/timeline/{name}', 'GET /v3/recordings/protected'],
  'GET /v3/recordings/clips',
  ...['GET /v3/events', 'GET /v3/events/list', 'GET /v3/events/digest', 'GET /v3/reviews', 'GET /v3/reviews/{id}'],
  ...['GET /v3/layouts/list', 'GET /v3/layouts/get/{name}'],
  // A guest has no name to keep marks by, and gets 400.
  'POST /v3/events/seen',
  'POST /v3/reviews/{id}/seen',
];
/** The clip of a guest link. */
const FOR_CLIPS = ['GET /v3/guest/clip', 'GET /v3/guest/clip.mp4'];
const OWN_SESSIONS = ['POST /v3/session/password', 'GET /v3/sessions', 'DELETE /v3/sessions/{id}', 'GET /v3/views'];
/** Routes for those who may play a camera's recordings. */
const MOMENTS = ['GET /v3/motion/moments/{name}', 'POST /v3/motion/moments/{name}'];
/** Routes for notifications of the person's own browsers; a picture also needs the right to its camera. */
const NOTIFICATIONS = [
  ...['GET /v3/notifications', 'POST /v3/notifications', 'PATCH /v3/notifications/{id}'],
  ...['DELETE /v3/notifications/{id}', 'POST /v3/notifications/{id}/test', 'POST /v3/notifications/press'],
];
const FOR_PEOPLE = [...NOTIFICATIONS, 'GET /v3/notifications/{id}/picture', ...OWN_SESSIONS];
/** Routes of the page, for people. */
const OWNERS = [
  ...[
    '/v3/users',
    '/v3/users/{name}',
    '/v3/users/{name}/restore',
    '/v3/guests',
    '/v3/guests/{id}',
    '/v3/devicepasswords',
    '/v3/devicepasswords/{id}',
    '/v3/reach',
    '/v3/reach/test',
    '/v3/reach/wireguard',
    '/v3/reach/phones',
    '/v3/reach/phones/revoke',
    '/v3/camera-network',
    '/v3/camera-network/release',
    '/v3/camera-network/withdraw',
    '/v3/away/invitations',
    '/v3/away/servers',
    '/v3/away/servers/list',
    '/v3/boxes',
    '/v3/boxes/list',
    '/v3/boxes/{id}',
    '/v3/boxes/settings/{name}',
    '/v3/pairedservers/invitations',
    '/v3/pairedservers/list',
    '/v3/pairedservers/{id}',
    '/v3/pagelogins',
    '/v3/pagelogins/{id}',
    '/v3/session/factor',
    '/v3/session/factor/confirm',
    '/v3/session/factor/recovery',
    '/v3/session/factor/remove',
    '/v3/session/passkeys',
    '/v3/session/passkeys/options',
    '/v3/session/passkeys/remove',
    '/v3/system',
    '/v3/https',
    '/v3/onvif',
    '/v3/onvif/test',
    '/v3/notifications/channels',
    '/v3/notifications/channels/{id}',
    '/v3/notifications/channels/{id}/test',
    '/v3/archive',
    '/v3/archive/key/add',
    '/v3/archive/key/noted',
    '/v3/archive/key/show',
    '/v3/archive/test',
    '/v3/recordings/transfer/recorders',
    '/v3/acme',
    '/v3/acme/retry',
    '/v3/mqtt',
    '/v3/mqtt/test',
    '/v3/objects/retry',
    '/v3/qr',
    '/v3/servers',
    '/v3/zlm',
  ],
  ...[
    '/v3/log',
    '/v3/log/live',
    '/v3/config/file',
    '/v3/config/file/check',
    '/v3/config/file/passwords',
    '/v3/recordings/usage',
    '/v3/recordings/transfer',
    '/v3/recordings/transfer/cancel',
    '/v3/recordings/transfer/foresee',
    '/v3/recordings/transfer/look',
    '/v3/recordings/transfer/pause',
    '/v3/recordings/transfer/resume',
    '/v3/disks/folders',
    '/v3/disks/places',
    '/v3/disks/places/open',
    '/v3/clock',
    '/v3/restart',
    '/v3/update',
    '/v3/update/check',
    '/v3/update/look',
    '/v3/update/fetch',
    '/v3/backup',
    '/v3/restore',
    '/v3/restore/check',
    '/v3/diagnostics',
  ],
];

const folder = mkdtempSync(join(tmpdir(), 'perch-people-'));
let app: App;
let url = '';
let operations: readonly Operation[] = [];
let viewer = '';
let guest = '';

async function ask(method: string, path: string, headers: Readonly<Record<string, string>>, body?: object) {
  const hasBody = method !== 'GET';
  return fetch(`${url}${path}`, {
    method,
    headers: { ...(hasBody && { 'Content-Type': 'application/json', Origin: url }), ...headers },
    ...(hasBody && { body: JSON.stringify(body ?? {}) }),
  });
}

const cookiesOf = ({ headers }: Response): string =>
  headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');

/** Every operation of the API that does not answer 401, of those that are meant. */
async function reached(
  headers: Readonly<Record<string, string>>,
  isMeant: (name: string) => boolean = () => true,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { method, path } of operations.filter((one) => isMeant(`${one.method} ${one.path}`))) {
    const answer = await ask(method, path.replace(/\{[^}]*\}/g, 'none'), headers);
    await answer.body?.cancel();
    if (answer.status !== 401) {
      found.push(`${method} ${path}`);
    }
  }
  return found;
}

beforeAll(async () => {
  // Wrong credentials wait for none of their four seconds.
  vi.spyOn(Math, 'random').mockReturnValue(0);
  const users = [
    { user: 'ha', pass: 'secret', permissions: [{ action: 'api' }] },
    {
      user: 'player',
      pass: 'secret',
      permissions: [{ action: 'read' }, { action: 'playback' }, { action: 'publish' }],
    },
  ];
  const servers =
    'address: 127.0.0.1:0\nrtsp: no\nrtmp: no\nhls: no\nsrt: no\nwebrtc: no\napi: no\nplayback: no\nmetrics: no\n';
  writeFileSync(
    join(folder, 'perch.yml'),
    `perch: own\n${servers}authInternalUsers: ${JSON.stringify(users)}\npaths:\n  door:\n  yard:\n`,
  );
  app = await App.start({
    ...{ version: '0', dataDir: join(folder, 'data'), cwd: folder, env: {}, pageFolder: folder },
    ...{ clock: systemClock, log: createLogger('silent', () => {}), discovery: { only: [] } },
  });
  url = `http://127.0.0.1:${app.mainPort}`;
  const owner = {
    Cookie: cookiesOf(await ask('POST', '/v3/claim', {}, { password: PASSWORD, setupCode: app.accounts.setup?.code })),
  };
  await ask('POST', '/v3/users', owner, { name: 'ann', password: 'a red kite', recordings: true });
  viewer = cookiesOf(await ask('POST', '/v3/session', {}, { user: 'ann', password: 'a red kite' }));
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const link = await ask('POST', '/v3/guests', owner, { paths: 'all', recordings: true, until });
  const { token } = (await link.json()) as { token: string };
  guest = cookiesOf(await ask('POST', '/v3/guest', {}, { token }));
  operations = operationsOf(await (await ask('GET', '/v3/openapi.json', owner)).json());
});

afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
  vi.restoreAllMocks();
});

/** Features may be left out of Perch. */
/** Those of features that this Perch has. */
const existing = (names: readonly string[]) =>
  names.filter((name) => operations.some(({ method, path }) => name === `${method} ${path}`));
const ofFeatures = () => existing([...NOTIFICATIONS, ...MOMENTS]);
const forAll = () => [...FOR_ALL, ...existing(FOR_ALL_OF_FEATURES)];

const sorted = (list: readonly string[]) => list.toSorted();
const basic = (user: string) => ({ Authorization: `Basic ${Buffer.from(`${user}:secret`).toString('base64')}` });

test('a guest reaches cameras and events of the API only', async () => {
  expect(sorted(await reached({ Cookie: guest }))).toEqual(sorted([...forAll(), ...WATCHING, ...ofFeatures()]));
});

test('a viewer also reaches the own sessions, and nothing that changes anything else', async () => {
  // It ends the session.
  const stays = (name: string) => name !== 'DELETE /v3/session';
  const wanted = [...forAll(), ...WATCHING, ...ofFeatures(), ...OWN_SESSIONS].filter(stays);
  expect(sorted(await reached({ Cookie: viewer }, stays))).toEqual(sorted(wanted));
});

test("a listed path has the person's permissions for live view and recordings", async () => {
  const item = async (headers: Readonly<Record<string, string>>) =>
    ((await (await ask('GET', '/v3/paths/list', headers)).json()) as { items: readonly object[] }).items[0];
  const owner = { Authorization: `Basic ${Buffer.from(`owner:${PASSWORD}`).toString('base64')}` };
  const bob = { name: 'bob', password: 'a grey wagtail' };
  await ask('POST', '/v3/users', { ...owner }, { ...bob, recordings: false });
  const cookie = cookiesOf(await ask('POST', '/v3/session', {}, { user: bob.name, password: bob.password }));
  expect(await item({ Cookie: cookie })).toMatchObject({ name: 'door', mayRead: true, mayPlayback: false });
  expect(await item({ Cookie: guest })).toMatchObject({ mayRead: true, mayPlayback: true });
  expect(await item(basic('ha'))).not.toHaveProperty('mayRead');
});

test('a viewer gets of each layout the own cameras, and no layout without any', async () => {
  const owner = { Authorization: `Basic ${Buffer.from(`owner:${PASSWORD}`).toString('base64')}` };
  const layouts = { Home: ['door', 'yard'], Garden: ['yard'] };
  for (const [name, paths] of Object.entries(layouts)) {
    const body = { kind: 'group', cameras: paths.map((path) => ({ path })) };
    expect((await ask('POST', `/v3/layouts/replace/${name}`, owner, body)).status).toBe(200);
  }
  const eve = { name: 'eve', password: 'a grey wagtail', cameras: ['door'], recordings: false };
  await ask('POST', '/v3/users', owner, eve);
  const cookie = {
    Cookie: cookiesOf(await ask('POST', '/v3/session', {}, { user: eve.name, password: eve.password })),
  };
  const seenBy = async (headers: Readonly<Record<string, string>>) => {
    const { items } = (await (await ask('GET', '/v3/layouts/list', headers)).json()) as {
      items: { name: string; cameras: { path: string }[] }[];
    };
    return Object.fromEntries(items.map(({ name, cameras }) => [name, cameras.map(({ path }) => path)]));
  };
  expect([await seenBy(owner), await seenBy({ Cookie: viewer }), await seenBy(cookie)]).toEqual([
    layouts,
    layouts,
    { Home: ['door'] },
  ]);
  const one = async (name: string) => (await ask('GET', `/v3/layouts/get/${name}`, cookie)).status;
  expect([await one('Home'), await one('Garden')]).toEqual([200, 404]);
  expect((await ask('DELETE', '/v3/layouts/delete/Home', cookie)).status).toBe(401);
});

test('a person with playback permission for a camera sees its timeline and its events, and nothing else of the box', async () => {
  const owner = { Authorization: `Basic ${Buffer.from(`owner:${PASSWORD}`).toString('base64')}` };
  const cookieOf = async (name: string, cameras: readonly string[], recordings: boolean) => {
    const password = 'a grey wagtail';
    await ask('POST', '/v3/users', owner, { name, password, cameras, recordings });
    return cookiesOf(await ask('POST', '/v3/session', {}, { user: name, password }));
  };
  const [may, live, other] = await Promise.all([
    cookieOf('may', ['door'], true),
    cookieOf('live', ['door'], false),
    cookieOf('other', ['yard'], true),
  ]);
  const times = 'from=2026-07-01T00:00:00Z&to=2026-07-01T01:00:00Z';
  const status = async (cookie: string) => (await ask('GET', `/v3/timeline/door?${times}`, { Cookie: cookie })).status;
  expect([await status(may), await status(live), await status(other)]).toEqual([200, 404, 404]);

  const kept = { start: '2026-07-01T00:00:00Z', end: '2026-07-01T00:01:00Z', note: 'the burglar' };
  await ask('POST', '/v3/recordings/protect', owner, { path: 'door', ...kept });
  const seenBy = async (cookie: string) => {
    const addresses = ['recordings/protected', 'recordings/clips', `timeline/door?${times}`, `timeline/yard?${times}`];
    const answers = addresses.map((address) =>
      ask('GET', `/v3/${address}`, { Cookie: cookie }).then(async (answer) => answer.text()),
    );
    const all = (await Promise.all(answers)).join();
    return [all.split('2026-07-01T00:01:00Z').length > 2, all.includes('burglar'), all.includes('"duration":60')];
  };
  expect([await seenBy(may), await seenBy(live), await seenBy(other)]).toEqual([
    [true, false, true],
    [false, false, false],
    [false, false, false],
  ]);

  const leave = new AbortController();
  const listen = async (cookie: string) => {
    const { body } = await fetch(`${url}/v3/events`, { headers: { Cookie: cookie }, signal: leave.signal });
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    return async (end: string) => {
      while (!text.includes(end)) {
        text += Buffer.from((await reader.read()).value ?? []).toString();
      }
      return [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
    };
  };
  const heard = await Promise.all([listen(may), listen(live), listen(other)]);
  await ask('PATCH', '/v3/config/paths/patch/door', owner, { maxReaders: 5 });
  for (const path of ['door', 'yard']) {
    await ask('POST', '/v3/events', owner, { path, type: 'motion', id: `at-${path}`, start: '2026-07-01T00:10:00Z' });
  }
  expect(await heard[0]('at-door')).toEqual(['event']);
  expect(await heard[2]('at-yard')).toEqual(['event']);
  // Notifications arrive in order, so earlier ones would have arrived.
  await ask('PATCH', '/v3/users/live', owner, { recordings: true });
  await ask('POST', '/v3/events', owner, { path: 'door', type: 'motion', id: 'later', start: '2026-07-01T00:20:00Z' });
  expect(await heard[1]('later')).toEqual(['event']);
  leave.abort();

  const list = async (headers: Readonly<Record<string, string>>, more = '') =>
    (await ask('GET', `/v3/events/list?${times}${more}`, headers)).json();
  const pathsFor = async (headers: Readonly<Record<string, string>>): Promise<string[]> =>
    (await list(headers)).items.map(({ path }: { path: string }) => path);
  expect(await pathsFor(owner)).toEqual(['door', 'yard', 'door']);
  expect([await pathsFor({ Cookie: may }), await pathsFor({ Cookie: other })]).toEqual([['door', 'door'], ['yard']]);
  expect((await list({ Cookie: other }, '&path=door')).items).toEqual([]);
  expect((await list({ Cookie: may }, '&limit=1')).items).toHaveLength(1);
});

test('the login answers without credentials, and to a player with name and password', async () => {
  expect(sorted(await reached({}))).toEqual(sorted(forAll()));
  expect(sorted(await reached(basic('player')))).toEqual(sorted(forAll()));
});

test('a machine with the action api reaches everything but people, links and the page of the system', async () => {
  const closed = operations.filter(({ path }) => OWNERS.includes(path)).map(({ method, path }) => `${method} ${path}`);
  expect(closed.length).toBeGreaterThan(7);
  const expected = operations
    .map(({ method, path }) => `${method} ${path}`)
    .filter((name) => !closed.includes(name) && ![...FOR_CLIPS, ...FOR_PEOPLE, ...SIGNED].includes(name));
  expect(sorted(await reached(basic('ha')))).toEqual(sorted(expected));
});

test('privilege escalation: that machine changes cameras, and neither rights nor programs; the owner does', async () => {
  const rights = { authInternalUsers: [{ user: 'ha', pass: 'secret', permissions: [{ action: 'read' }] }] };
  const status = async (path: string, headers: Readonly<Record<string, string>>, body: object) =>
    (await ask('PATCH', path, headers, body)).status;
  expect(await status('/v3/config/paths/patch/door', basic('ha'), { maxReaders: 3 })).toBe(200);
  expect(await status('/v3/config/global/patch', basic('ha'), rights)).toBe(400);
  expect(await status('/v3/config/paths/patch/door', basic('ha'), { runOnUnread: 'true' })).toBe(400);
  const owner = { Authorization: `Basic ${Buffer.from(`owner:${PASSWORD}`).toString('base64')}` };
  expect(await status('/v3/config/paths/patch/door', owner, { runOnUnread: 'true' })).toBe(200);
  expect(await status('/v3/config/global/patch', owner, rights)).toBe(200);
  expect((await ask('GET', '/v3/info', basic('ha'))).status).toBe(401);
});
