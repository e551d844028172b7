import { expect, test } from 'vitest';
import { pairedServerApp } from '../../../../test/support/harness/servers/paired-server-app.ts';
import { configOf } from '../../../../test/support/harness/servers/path-table-of.ts';
import type { ServerRights } from '../../../auth/pairing/paired-servers.ts';
import { silentLogger } from '../../../base/log.ts';
import { pairedSettingsRoutes } from './paired-settings-routes.ts';

const PATHS = `  gate: {source: 'rtsp://user:heron@10.0.0.1/x', record: motion, recordPostRoll: 20s, recordDeleteAfter: 30d}
  stable: {}
  far: {source: 'perch://1a2b3c4d5e6f7a8b/garden'}
  '~^yard': {}
  all_others: {}
`;

/** The routes of a box that is paired with a server. */
async function open(rights: Partial<ServerRights>) {
  const { app, servers, id, request } = await pairedServerApp(rights);
  const config = configOf(PATHS);
  const changes: unknown[] = [];
  const edits = { patchPath: async (...change: unknown[]) => void changes.push(change) };
  const host = { servers, edits, settings: () => config, log: silentLogger };
  await app.register(pairedSettingsRoutes, { host: host as never });
  const ask = (path: string, body?: object) =>
    request(body ? 'PATCH' : 'GET', `/v3/pairedservers/settings/${path}`, body);
  return { app, servers, id, changes, ask };
}

test('a server with the right reads and changes the permitted settings of a camera, in its own name', async () => {
  const { ask, changes, servers, id } = await open({ settings: true, cameras: ['gate'] });
  const { status, body, text } = await ask('gate');
  expect([status, body['record'], body['recordPostRoll']]).toEqual([200, 'motion', '20s']);
  expect(text).not.toMatch(/heron|"source|recordPath|runOn|"camera":/);
  expect(await ask('gate', { record: false, objects: ['person'] })).toMatchObject({ status: 200 });
  const editor = { hasAllRights: false, user: "server 'Office'" };
  expect(changes).toEqual([['gate', { record: false, objects: ['person'] }, editor]]);
  const refused = { status: 401, body: { error: "this box does not let the server change settings of 'stable'" } };
  expect(await ask('stable', { record: true })).toMatchObject(refused);
  await servers.change(id, { settings: false });
  expect([(await ask('gate')).status, (await ask('gate', { record: true })).status]).toEqual([401, 401]);
  await servers.remove(id);
  expect((await ask('gate')).status).toBe(401);
  expect(changes).toHaveLength(1);
});

test.for([
  { source: 'rtsp://10.0.0.2/x' },
  { runOnReady: 'id' },
  { recordPath: '/tmp/%path' },
  { camera: { onvif: 'http://10.0.0.2' } },
  { record: true, name: 'other' },
  { record: { yes: true } },
  { motionZones: 'all' },
  {},
])('nothing else is changed: %j', async (body) => {
  const { ask, changes } = await open({ settings: true });
  expect([(await ask('gate', body)).status, changes]).toEqual([400, []]);
});

test.for([
  [{ recordDeleteAfter: '29d' }, 400],
  [{ recordDeleteAfter: '0s' }, 200],
  [{ recordDeleteAfter: '31d' }, 200],
  [{ recordMaxSize: '10M' }, 400],
  [{ recordMaxSize: '0' }, 200],
  // The box's own check, which is not part of this test, refuses it.
  [{ recordDeleteAfter: 'soon' }, 200],
] as const)(
  'a server lengthens the time that recordings are kept, and does not shorten it: %j is %i',
  async ([body, status]) => {
    const { ask, changes } = await open({ settings: true });
    const answer = await ask('gate', body);
    expect([answer.status, changes.length]).toEqual([status, status === 200 ? 1 : 0]);
  },
);

test('patterns, cameras of other boxes and what does not exist have no settings for servers', async () => {
  const { ask, changes } = await open({ settings: true });
  for (const path of ['far', '~%5Eyard', 'all_others', 'nothing']) {
    for (const body of [undefined, { record: true }]) {
      expect([path, [400, 404].includes((await ask(path, body)).status)]).toEqual([path, true]);
    }
  }
  expect(changes).toEqual([]);
});

test('neither a server without the right nor anybody else gets settings', async () => {
  const { app, ask, changes } = await open({ turn: true, switch: true, talk: true });
  expect([(await ask('gate')).status, (await ask('gate', { record: true })).status]).toEqual([401, 401]);
  const target = { url: '/v3/pairedservers/settings/gate' };
  expect((await app.inject(target)).statusCode).toBe(401);
  expect((await app.inject({ ...target, method: 'PATCH', payload: { record: true } })).statusCode).toBe(401);
  expect(changes).toEqual([]);
});
