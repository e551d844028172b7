import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';
import { textLine } from '../base/log-text.ts';

const ROUTES: readonly (readonly [method: string, path: string, body?: object])[] = [
  ['POST', '/cameras/discover', {}],
  ['GET', '/cameras/found'],
  ['POST', '/cameras/hide', { endpoints: ['urn:uuid:x'], hidden: true }],
  ['POST', '/cameras/probe', { target: '127.0.0.1' }],
  ['GET', '/cameras/probe/0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11'],
  ['DELETE', '/cameras/probe/0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11'],
  ['POST', '/cameras/check', { onvif: 'http://127.0.0.1/onvif' }],
  ['POST', '/cameras/adopt', { cameras: [{ address: '127.0.0.1' }] }],
  ['GET', '/cameras/adopt/0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11'],
  ['GET', '/cameras/list'],
  ['GET', '/cameras/get/door'],
  ['POST', '/cameras/read/door'],
  ['PATCH', '/cameras/patch/door', { paused: true }],
  ['POST', '/cameras/login/door', { user: 'x', password: 'y' }],
  ['POST', '/cameras/order', { paths: ['door'] }],
  ['DELETE', '/cameras/forget/door'],
  ['POST', '/cameras/restore/door'],
  ['GET', '/cameras/snapshot/door'],
  ['GET', '/cameras/ptz/get/door'],
  ['POST', '/cameras/ptz/move/door', { pan: 1 }],
  ['POST', '/cameras/ptz/stop/door'],
  ['POST', '/cameras/ptz/home/door'],
  ['GET', '/cameras/ptz/presets/door'],
  ['POST', '/cameras/ptz/presets/door', { name: 'x' }],
  ['POST', '/cameras/ptz/goto/door', { token: '1' }],
  ['POST', '/cameras/ptz/remove/door', { token: '1' }],
  ['GET', '/cameras/ptz/position/door'],
  ['POST', '/cameras/ptz/position/door', { pan: 1 }],
  ['POST', '/cameras/ptz/center/door', { x: 1, y: 1 }],
  ['GET', '/cameras/outputs/list/door'],
  ['POST', '/cameras/outputs/set/door', { id: 'relay-1', isOn: true }],
  ['POST', '/cameras/outputs/relay/door', { id: 'relay-1', mode: 'bistable' }],
  ['POST', '/cameras/reboot/door'],
  ['GET', '/cameras/clock/door'],
  ['POST', '/cameras/clock/door', {}],
  ['GET', '/cameras/encoder/door'],
  ['POST', '/cameras/encoder/door', { groupFrames: 30 }],
];

/** Counts connections. */
async function openTrap() {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {}).resume();
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\ntop secret!');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    count: () => connections,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

test('viewers, guests and unknown clients have no access, and cause no connections', async () => {
  await using trap = await openTrap();
  const source = `paths:\n  door:\n    camera: {onvif: "http://127.0.0.1:${trap.port}/onvif"}\n`;
  await using box = await openAdoptionHarness({ port: await freeUdpPort(), onvifPorts: [trap.port] }, source);
  await box.call('POST', '/users', { name: 'ann', password: 'a long password', cameras: 'all', recordings: true });
  const login = await box.ask('POST', '/session', { user: 'ann', password: 'a long password' });
  const viewer = login.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  expect(viewer).toContain('perch_session');
  const basic = `Basic ${Buffer.from('ann:a long password').toString('base64')}`;
  const before = trap.count();
  for (const headers of [
    { cookie: viewer },
    { authorization: basic },
    { cookie: box.cookie, origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' },
  ]) {
    const statuses = await Promise.all(
      ROUTES.map(async ([method, path, body]) => (await box.ask(method, path, body, headers)).status),
    );
    expect(new Set(statuses)).toEqual(new Set([401]));
  }
  expect(trap.count()).toBe(before);
});

test('a device that is not a camera is not revealed: neither its reply nor, outside private networks, its existence', async () => {
  await using trap = await openTrap();
  await using box = await openAdoptionHarness({
    port: await freeUdpPort(),
    onvifPorts: [trap.port],
    streamPorts: [trap.port],
  });
  const { body } = await box.call('POST', '/cameras/adopt', {
    cameras: [
      { onvif: `http://127.0.0.1:${trap.port}/onvif/device_service`, user: 'a', password: 's3cret' },
      { address: '127.0.0.1', user: 'a', password: 's3cret' },
      { rtsp: `rtsp://127.0.0.1:${trap.port}/1`, user: 'a', password: 's3cret' },
      { onvif: 'http://8.8.8.8/onvif/device_service' },
      { address: '169.254.169.254.nip.io' },
      { onvif: 'http://metadata.google.internal/' },
      { address: '10.0.0.1', rtsp: 'rtsp://10.0.0.1/1' },
      { endpoint: 'urn:uuid:unknown' },
    ],
  });
  const items = body['items'] as { status: string; error: string }[];
  expect(items.map(({ status }) => status)).toEqual(Array(8).fill('error'));
  expect(items[3]?.error).toContain('not in a private network');
  expect(items[7]?.error).toContain('search for cameras first');
  const said = JSON.stringify([items, box.log]);
  expect(said).not.toContain('top secret');
  expect(said).not.toContain('s3cret');
  expect(box.text()).not.toContain('paths');
  for (const target of ['8.8.8.8', '192.168.0.0/16', '0.0.0.0', '::']) {
    expect((await box.call('POST', '/cameras/probe', { target })).status).toBe(400);
  }
});

test('loopback is not a private network unless simulated cameras are enabled', async () => {
  await using trap = await openTrap();
  await using box = await openAdoptionHarness({ port: await freeUdpPort(), includeLoopback: false });
  const before = trap.count();
  const onvif = `http://127.0.0.1:${trap.port}/onvif/device_service`;
  const { body } = await box.call('POST', '/cameras/check', { onvif });
  expect(body).toMatchObject({ isGood: false, error: expect.stringContaining('this machine itself') });
  expect(body['error']).toContain('PERCH_LOOPBACK_CAMERAS=yes');
  const look = await box.call('POST', '/cameras/probe', { target: `localhost:${trap.port}` });
  const probed = async () => (await box.call('GET', `/cameras/probe/${look.body['id']}`)).body;
  await expect.poll(async () => (await probed())['state']).toBe('failed');
  expect((await probed())['error']).toContain('not in a private network');
  expect(trap.count()).toBe(before);
});

test('a wrong password is reported for its camera only, and does not require a new login', async () => {
  const port = await freeUdpPort();
  await using box = await openAdoptionHarness({ port });
  const login = { user: 'admin', password: 'right' };
  await using good = await startOnvifCamera({ address: '127.0.0.31', credentials: login });
  await using other = await startOnvifCamera({ address: '127.0.0.32', credentials: { ...login, password: 'other' } });
  const request = { ...login, cameras: [{ onvif: other.url }, { onvif: good.url, title: 'Yard' }] };
  const { status, body } = await box.call('POST', '/cameras/adopt', request);
  expect(status).toBe(200);
  expect(body['items']).toMatchObject([
    { status: 'error', trouble: 'wrongPassword', paths: [], triesLeft: 3 },
    { status: 'ok', path: 'yard', description: { manufacturer: 'Simulated', model: 'Sim 1' } },
  ]);
  const check = await box.call('POST', '/cameras/check', { onvif: good.url, user: 'admin', password: 'wrong' });
  const refused = { isGood: false, trouble: 'wrongPassword', triesLeft: 3, description: null };
  expect(check).toMatchObject({ status: 200, body: refused });
  await good.stop();
  expect((await box.call('POST', '/cameras/read/yard')).status).toBe(503);
  expect(JSON.stringify([body, box.log])).not.toContain('right"');
});

test('a stream that rejects a wrong password is not reported as requiring it unencrypted', async () => {
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  await using camera = await startOnvifCamera({ credentials: { user: 'admin', password: 'right' } });
  const { body } = await box.call('POST', '/cameras/check', {
    rtsp: camera.rtspUrl(),
    user: 'admin',
    password: 'wrong',
  });
  expect(body).toMatchObject({
    ...{ isGood: false, trouble: 'wrongPassword' },
    error: 'the camera refuses this user name or password for its stream',
  });
});

test('a stream that accepts the password only unencrypted is adopted if allowed, with the login in its address', async () => {
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  const login = { user: 'admin', password: 'p&w' };
  const main = '/user=admin&password=p%26w&channel=1&stream=0.sdp';
  await using camera = await startOnvifCamera({
    ...{ address: '127.0.0.33', credentials: login },
    quirks: { rtspLogin: 'basic', streamPaths: { main } },
  });
  const rtsp = `rtsp://127.0.0.33:${camera.rtspPort}/user={user}&password={password}&channel=1&stream=0.sdp`;
  const adopt = (more: object) => box.call('POST', '/cameras/adopt', { cameras: [{ rtsp, ...login, ...more }] });
  expect((await adopt({})).body['items']).toMatchObject([
    { status: 'error', trouble: 'clearPassword', error: expect.stringContaining('"clearPassword": true') },
  ]);
  const adopted = await adopt({ clearPassword: true });
  expect(adopted.body['items']).toMatchObject([
    { status: 'ok', path: '127_0_0_33', title: '127.0.0.33', description: null },
  ]);
  const { body } = await box.call('GET', '/cameras/get/127_0_0_33');
  expect(body['source']).toBe(`rtsp://127.0.0.33:${camera.rtspPort}/user=admin&password=***&channel=1&stream=0.sdp`);
  await expect.poll(async () => (await box.call('GET', '/paths/get/127_0_0_33')).body['ready']).toBe(true);
  const said = JSON.stringify([adopted, body, box.log.map((line) => textLine(line))]);
  expect(said).not.toMatch(/p%26w|p&w/);
  expect((await box.call('POST', '/cameras/read/127_0_0_33')).status).toBe(501);
});

test('a login in the address of a stream takes precedence over the shared one', async () => {
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  const main = '/one';
  await using camera = await startOnvifCamera({
    ...{ address: '127.0.0.34', credentials: { user: 'ann', password: 'of-one' } },
    quirks: { streamPaths: { main } },
  });
  const rtsp = `rtsp://ann:of-one@127.0.0.34:${camera.rtspPort}${main}`;
  const { body } = await box.call('POST', '/cameras/adopt', {
    ...{ user: 'admin', password: 'of-all', cameras: [{ rtsp, title: 'One' }] },
  });
  expect(body['items']).toMatchObject([{ status: 'ok', path: 'one' }]);
  expect(box.text()).toContain('of-one');
  expect(box.text()).not.toContain('of-all');
});

test('a camera has the shared user and its own password', async () => {
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  const credentials = { user: 'admin', password: 'of-one' };
  await using camera = await startOnvifCamera({ address: '127.0.0.35', credentials });
  const { body } = await box.call('POST', '/cameras/adopt', {
    ...{ user: 'admin', password: 'of-all', cameras: [{ onvif: camera.url, password: 'of-one' }] },
  });
  expect(body['items']).toMatchObject([{ status: 'ok' }]);
});

test('adopting cameras warns once if every user can read the file with their passwords', async () => {
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  const login = { user: 'admin', password: 'right' };
  await using camera = await startOnvifCamera({ credentials: login });
  const adopt = (sub: string) => ({ cameras: [{ rtsp: camera.rtspUrl(sub), again: true, ...login }] });
  box.chmod(0o644);
  const warning = (await box.call('POST', '/cameras/adopt', adopt('main'))).body['warning'];
  expect(warning).toMatch(/^every user of this box can read .*chmod 600 '.*perch\.yml'$/);
  expect((await box.call('POST', '/cameras/adopt', adopt('sub'))).body['warning']).toBeNull();
});

test('a path whose login the camera rejects reports a remedy and the time of the next attempt', async () => {
  await using camera = await startOnvifCamera({ credentials: { user: 'admin', password: 'right' } });
  const source = `    source: ${camera.rtspUrl()}\n    camera: {user: admin, password: wrong}\n`;
  await using box = await openAdoptionHarness({ port: await freeUdpPort() }, `paths:\n  door:\n${source}`);
  const door = async () => (await box.call('GET', '/cameras/get/door')).body;
  await expect.poll(door).toMatchObject({
    ...{ state: 'waiting', trouble: 'wrongPassword' },
    lastError: expect.stringContaining('camera rejected the password'),
    next: expect.stringMatching(/they are tried at once.*waits half an hour/),
  });
});
