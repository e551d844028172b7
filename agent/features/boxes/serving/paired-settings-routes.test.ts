import { generateKeyPairSync } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { configOf } from '../../../../test/support/harness/servers/path-table-of.ts';
import { signMessage } from '../../../auth/pairing/message-signature.ts';
import { PairedServers, type ServerRights } from '../../../auth/pairing/paired-servers.ts';
import { digestOf, SignedRequests } from '../../../auth/pairing/signed-requests.ts';
import { silentLogger } from '../../../base/log.ts';
import { ServerConnections, verifySignatures } from '../../../http/auth/signed-requests.ts';
import { createHttpApp } from '../../../http/listener/app.ts';
import { pairedSettingsRoutes } from './paired-settings-routes.ts';

const KEYS = generateKeyPairSync('ed25519');
const PATHS = `  gate: {source: 'rtsp://user:heron@10.0.0.1/x', record: motion, recordPostRoll: 20s, recordDeleteAfter: 30d}
  stable: {}
  far: {source: 'perch://1a2b3c4d5e6f7a8b/garden'}
  '~^yard': {}
  all_others: {}
`;

/** The routes of a box that is paired with a server. */
async function open(rights: Partial<ServerRights>) {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const clock = new FakeClock();
  const servers = await PairedServers.open(folder.path, clock, silentLogger);
  const key = KEYS.publicKey.export({ format: 'jwk' }).x ?? '';
  const { id } = await servers.add('Office', key, { cameras: 'all', live: true, recordings: true, ...rights });
  const signatures = new SignedRequests(servers, () => true, clock);
  const app = createHttpApp({ log: silentLogger });
  onTestFinished(() => app.close());
  verifySignatures(app, { signatures, paired: servers }, new ServerConnections());
  const config = configOf(PATHS);
  const changes: unknown[] = [];
  const edits = { patchPath: async (...change: unknown[]) => void changes.push(change) };
  const host = { servers, edits, settings: () => config, log: silentLogger };
  await app.register(pairedSettingsRoutes, { host: host as never });
  let count = 0;
  const ask = async (path: string, body?: object) => {
    count += 1;
    const [method, target] = [body ? 'PATCH' : 'GET', `/v3/pairedservers/settings/${path}`] as const;
    const payload = body && JSON.stringify(body);
    const { timeS: created, run } = signatures;
    const fields = { created, expires: created + 60, nonce: String(count).padStart(22, 'n'), keyId: id };
    const digest = payload === undefined ? undefined : digestOf(Buffer.from(payload));
    const headers = signMessage({ method, target, run, digest }, fields, KEYS.privateKey);
    const answer = await app.inject({
      method,
      url: target,
      headers: { ...headers, ...(payload && { 'content-type': 'application/json' }) },
      ...(payload && { payload }),
    });
    return { status: answer.statusCode, body: answer.json<Record<string, unknown>>(), text: answer.body };
  };
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
