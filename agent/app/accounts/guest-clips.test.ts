import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { newSigningKey, signFiles, verified } from '../../../test/support/disks/signed-recordings.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { App } from '../app.ts';

const PASSWORD = 'blue heron';
const at = (seconds: number): string => new Date(WALL + seconds * 1000).toISOString();

/** Perch with ten seconds of recordings of `cam`, its owner, and a clip from the 2nd to the 5th second. */
async function openDevice() {
  // Wrong credentials wait for none of their four seconds.
  vi.spyOn(Math, 'random').mockReturnValue(0);
  const folder = temporaryFolder();
  const records = join(folder.path, 'rec');
  mkdirSync(records);
  const key = newSigningKey();
  await signFiles(await record(records, 10, { segmentDurationMs: 4_000 }), key);
  const servers =
    'address: 127.0.0.1:0\nrtsp: no\nrtmp: no\nhls: no\nsrt: no\nwebrtc: no\napi: no\nplayback: no\nmetrics: no\n';
  const recordPath = join(records, '%path/%Y-%m-%d_%H-%M-%S-%f');
  writeFileSync(
    join(folder.path, 'perch.yml'),
    `perch: own\n${servers}pathDefaults:\n  recordPath: '${recordPath}'\n  recordDeleteAfter: 0s\npaths:\n  cam:\n`,
  );
  const app = await App.start({
    ...{ version: '0', dataDir: join(folder.path, 'data'), cwd: folder.path, env: {}, pageFolder: folder.path },
    ...{ clock: systemClock, log: createLogger('silent', () => {}), discovery: { only: [] } },
  });
  onTestFinished(async () => {
    vi.restoreAllMocks();
    await app.close();
    folder[Symbol.dispose]();
  });
  const url = `http://127.0.0.1:${app.mainPort}`;
  const ask = (method: string, path: string, cookie = '', body?: object) =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        Cookie: cookie,
        ...(method !== 'GET' && { Origin: url }),
        ...(body && { 'Content-Type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  const claimed = await ask('POST', '/v3/claim', '', { password: PASSWORD, setupCode: app.accounts.setup?.code });
  const owner = cookiesOf(claimed);
  const clip = { path: 'cam', start: at(2), end: at(5), note: 'the neighbour' };
  const { id } = (await (await ask('POST', '/v3/recordings/protect', owner, clip)).json()) as { id: string };
  return { ask, owner, clip, id, folder: folder.path, fingerprint: key.fingerprint };
}

const cookiesOf = ({ headers }: Response): string =>
  headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');

type Device = Awaited<ReturnType<typeof openDevice>>;

async function openLink({ ask, owner, id }: Device) {
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const made = await ask('POST', '/v3/guests', owner, { clip: id, until });
  const link = (await made.json()) as { id: string; token: string };
  const guest = cookiesOf(await ask('POST', '/v3/guest', '', { token: link.token }));
  return { link, guest };
}

test('the guest of a clip gets this clip as a file with ranges, and its camera and times without the note', async () => {
  const device = await openDevice();
  const { guest, link } = await openLink(device);
  const { ask, owner } = device;
  const { clip } = (await (await ask('GET', '/v3/session', guest)).json()) as { clip: boolean };
  expect(clip).toBe(true);
  const described = await (await ask('GET', '/v3/guest/clip', guest)).json();
  expect(described).toMatchObject({ title: 'cam', recordedSeconds: 3 });
  expect(JSON.stringify(described)).not.toContain('neighbour');
  const file = await ask('GET', '/v3/guest/clip.mp4?download=1', guest);
  expect([file.status, file.headers.get('content-type'), file.headers.get('accept-ranges')]).toEqual([
    ...[200, 'video/mp4', 'bytes'],
  ]);
  expect(file.headers.get('content-disposition')).toContain('attachment; filename="cam_2026-07-01');
  // The same bytes as the owner's download of this range.
  const same = await ask('GET', `/playback/get?path=cam&start=${at(2)}&duration=3&format=mp4&gaps=skip`, owner);
  const bytes = Buffer.from(await file.arrayBuffer());
  expect(bytes.equals(Buffer.from(await same.arrayBuffer()))).toBe(true);
  // Whoever gets the link can verify it.
  const saved = join(device.folder, 'clip.mp4');
  writeFileSync(saved, bytes);
  const { code, text } = await verified(saved, { key: device.fingerprint });
  expect(code, text).toBe(0);
  const { items } = (await (await ask('GET', '/v3/views', owner)).json()) as { items: object[] };
  expect(items).toMatchObject([{ camera: 'cam' }, { camera: 'cam' }]);
  expect(items).toContainEqual(expect.objectContaining({ user: `guest:${link.id}`, mode: 'recording' }));
});

test('the guest of a clip gets no other recording, no camera, no list and no event', async () => {
  const device = await openDevice();
  const { guest } = await openLink(device);
  const { ask } = device;
  const addresses = [
    `/playback/get?path=cam&start=${at(2)}&duration=3`,
    '/playback/list?path=cam',
    `/playback/cam/frame.mp4?time=${at(3)}`,
    `/playback/cam/index.m3u8?start=${at(2)}&duration=3`,
    '/v3/recordings/list',
    '/v3/guests',
  ];
  expect(await Promise.all(addresses.map(async (one) => (await ask('GET', one, guest)).status))).toEqual(
    addresses.map(() => 401),
  );
  const push = ['GET', 'POST'].map(async (method) => (await ask(method, '/v3/notifications', guest)).status);
  expect(await Promise.all(push)).toEqual([401, 401]);
  const lists = ['paths/list', 'recordings/clips', 'recordings/protected', 'events/list?to=2027-01-01T00:00:00Z'];
  for (const list of lists) {
    expect(await (await ask('GET', `/v3/${list}`, guest)).json()).toMatchObject({ items: [] });
  }
  expect((await ask('GET', `/v3/timeline/cam?from=${at(0)}&to=${at(10)}`, guest)).status).toBe(404);
  const { clip } = (await (await ask('GET', '/v3/session', device.owner)).json()) as { clip: boolean };
  expect([clip, (await ask('GET', '/v3/guest/clip', device.owner)).status]).toEqual([false, 401]);
});

test('a revoked link shows nothing; a clip that is removed shows nothing until it is saved again', async () => {
  const device = await openDevice();
  const { guest, link } = await openLink(device);
  const { ask, owner, id, clip } = device;
  const status = async () => (await ask('GET', '/v3/guest/clip.mp4', guest)).status;
  await ask('DELETE', `/v3/recordings/protect/${id}`, owner);
  expect([await status(), (await ask('GET', '/v3/guest/clip', guest)).status]).toEqual([404, 404]);
  await ask('POST', '/v3/recordings/protect', owner, clip);
  expect(await status()).toBe(200);
  await ask('DELETE', `/v3/guests/${link.id}`, owner);
  expect(await status()).toBe(401);
});

test('the owner sees what a link shows; a link to cameras and a clip, or to an unknown clip, is rejected', async () => {
  const device = await openDevice();
  const { ask, owner, id } = device;
  await openLink(device);
  const { items } = (await (await ask('GET', '/v3/guests', owner)).json()) as { items: object[] };
  expect(items).toMatchObject([
    { paths: [], live: false, recordings: false, clip: { path: 'cam', start: at(2), end: at(5) } },
  ]);
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const refused = async (body: object) => (await ask('POST', '/v3/guests', owner, { until, ...body })).status;
  expect(
    await Promise.all(
      [
        { clip: id, paths: ['cam'] },
        { clip: id, live: true },
        {},
        { clip: '0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11' },
      ].map(refused),
    ),
  ).toEqual([400, 400, 400, 404]);
});
