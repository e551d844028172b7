import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../../test/support/base/free-port.ts';
import { RtspCaller } from '../../../test/support/clients/rtsp-caller.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { App } from '../app.ts';

const SDP =
  'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:0\r\n';
const PASSWORD = 'blue heron';
const ANN = { name: 'ann', password: 'a red kite' };
const basicOf = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` as const;

let sequence = 0;
/** 20 ms of silence in PCMA, interleaved on channel 0. */
function packet(): Buffer {
  sequence += 1;
  const bytes = Buffer.alloc(4 + 12 + 160, 0xd5);
  bytes.set([0x24, 0, 0, 172, 0x80, 8, 0, sequence]);
  bytes.writeUInt32BE(sequence * 160, 8);
  bytes.writeUInt32BE(7, 12);
  return bytes;
}

test('the owner sees who watched which camera, viewers see their own views, and listing recordings does not count', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-views-'));
  const port = await freePort();
  const users = [{ user: 'cam', pass: 'secret', permissions: [{ action: 'publish' }] }];
  writeFileSync(
    join(folder, 'perch.yml'),
    `perch: own\naddress: 127.0.0.1:0\nrtspAddress: 127.0.0.1:${port}\nrtspTransports: [tcp]\nrtspAuthMethods: [basic]\nhls: no\nwebrtc: no\napi: no\nplayback: no\nmetrics: no\nauthInternalUsers: ${JSON.stringify(users)}\npaths:\n  door:\n`,
  );
  const app = await App.start({
    ...{ version: '0', dataDir: join(folder, 'data'), cwd: folder, env: {}, pageFolder: folder },
    ...{ clock: systemClock, log: createLogger('silent', () => {}), discovery: { only: [] } },
  });
  onTestFinished(async () => {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const call = async (method: string, path: string, auth?: string, body?: object) =>
    fetch(`http://127.0.0.1:${app.mainPort}${path}`, {
      method,
      headers: { ...(body && { 'Content-Type': 'application/json' }), ...(auth && { Authorization: auth }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  await call('POST', '/v3/claim', undefined, { password: PASSWORD, setupCode: app.accounts.setup?.code });
  const owner = basicOf('owner', PASSWORD);
  await call('POST', '/v3/users', owner, { ...ANN, recordings: true });

  const uri = `rtsp://127.0.0.1:${port}/door`;
  const connect = async () => {
    const caller = await RtspCaller.connect(port);
    onTestFinished(() => caller[Symbol.dispose]());
    return caller;
  };
  const sender = await connect();
  const cam = ['Authorization', basicOf('cam', 'secret')] as const;
  const transport = (mode: string) => ['Transport', `RTP/AVP/TCP;unicast;interleaved=0-1${mode}`] as const;
  await sender.ask('ANNOUNCE', uri, [cam, ['Content-Type', 'application/sdp']], SDP);
  await sender.ask('SETUP', `${uri}/0`, [cam, transport(';mode=record')]);
  expect((await sender.ask('RECORD', uri, [cam])).status).toBe(200);
  const player = await connect();
  const ann = ['Authorization', basicOf(ANN.name, ANN.password)] as const;
  // The stream begins with the first packets.
  await expect
    .poll(async () => {
      sender.socket.write(packet());
      return (await player.ask('DESCRIBE', uri, [ann])).status;
    })
    .toBe(200);
  const opened = [
    await player.ask('SETUP', `${uri}/trackID=0`, [ann, transport('')]),
    await player.ask('PLAY', uri, [ann]),
  ];
  expect(opened.map(({ status }) => status)).toEqual([200, 200]);

  const viewsFor = async (auth: string, query = '') =>
    ((await (await call('GET', `/v3/views${query}`, auth)).json()) as { items?: readonly object[] }).items;
  const live = { user: 'ann', role: 'viewer', camera: 'door', mode: 'live', address: '127.0.0.1' };
  expect(await viewsFor(owner)).toEqual([{ ...live, from: expect.any(String), to: null, running: true }]);
  await player.ask('TEARDOWN', uri, [ann]);
  expect(await viewsFor(owner)).toEqual([
    { ...live, from: expect.any(String), to: expect.any(String), running: false },
  ]);

  await call('GET', '/playback/list?path=door', ann[1]);
  expect(await viewsFor(owner)).toHaveLength(1);
  await call('GET', '/playback/door/frame.mp4?time=2026-07-01T00:00:00Z', ann[1]);
  expect(await viewsFor(owner)).toContainEqual(expect.objectContaining({ user: 'ann', mode: 'recording' }));
  expect(await viewsFor(owner, '?user=owner')).toEqual([]);

  const page = await call('POST', '/v3/session', undefined, { user: ANN.name, password: ANN.password });
  const cookie = page.headers
    .getSetCookie()
    .map((text) => text.split(';')[0])
    .join('; ');
  const own = await fetch(`http://127.0.0.1:${app.mainPort}/v3/views?user=owner`, { headers: { cookie } });
  expect(await own.json()).toMatchObject({ itemCount: 2, items: [{ user: 'ann' }, { user: 'ann' }] });
});
