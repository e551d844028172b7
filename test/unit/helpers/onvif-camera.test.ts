import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../onvif-camera/camera.ts';
import { connectIndependent as connect } from '../../onvif-camera/independent-client.ts';
import { PtzHead } from '../../onvif-camera/ptz-head.ts';
import type { Quirks } from '../../onvif-camera/quirks.ts';
import { FakeClock } from '../../support/base/fake-clock.ts';

const CREDENTIALS = { user: 'admin', password: 'pass <&> word' };

test.for([
  ['without login', {}, false],
  ['with a token', { login: 'token' }, true],
  ['with Digest', { login: 'digest' }, true],
  ['with Digest of SHA-256', { login: 'digest sha256' }, true],
  ['with Digest of both kinds, qop first', { login: 'digest both', challenge: 'qop first' }, true],
  ['that has no Media 2', { media: '1' }, false],
  ['that has only Media 2', { media: '2' }, false],
  ['whose Media 2 is broken', { media: '2 broken' }, false],
  ['that has no GetServices', { hasNoGetServices: true }, false],
  [
    'whose clock is three hours late and strict',
    { clockOffsetMs: -3 * 3_600_000, tokenWindowMs: 5_000, login: 'token' },
    true,
  ],
  ['that has one path for all services', { hasOnePath: true, devicePath: '/onvif/service' }, false],
] as const satisfies readonly (readonly [string, Quirks, boolean])[])(
  'an independent client reads a camera %s',
  async ([, quirks, hasLogin]) => {
    await using camera = await startOnvifCamera({ quirks, ...(hasLogin && { credentials: CREDENTIALS }) });
    const cam = await connect(camera);
    expect(await cam.getDeviceInformation()).toMatchObject({ manufacturer: 'Simulated', model: 'Sim 1' });
    expect(cam.profiles.map((profile) => profile.$.token)).toEqual(['main', 'sub']);
    const { uri } = await cam.getStreamUri({ protocol: 'RTSP', profileToken: 'sub' });
    expect(uri).toBe(camera.rtspUrl('sub'));
  },
);

test('a wrong password is rejected without details', async () => {
  await using camera = await startOnvifCamera({ credentials: CREDENTIALS });
  const cam = await connect(camera, 'wrong');
  await expect(cam.getDeviceInformation()).rejects.toThrow(/wrong user name or password/i);
});

test('an independent client moves the camera, stops it and keeps a preset', async () => {
  await using camera = await startOnvifCamera();
  const cam = await connect(camera);
  await cam.continuousMove({ x: 0.5, y: 0, zoom: 0, timeout: 60_000 });
  expect(camera.ptz.moving).toBe(true);
  expect(camera.ptz.velocity.x).toBe(0.5);
  await cam.stop({ panTilt: true, zoom: true });
  expect(camera.ptz.moving).toBe(false);
  const at = camera.ptz.position;
  await cam.setPreset({ presetName: 'gate' });
  await cam.gotoHomePosition({});
  expect(camera.ptz.position).toEqual({ x: 0, y: 0, zoom: 0 });
  expect(await cam.getPresets({})).toMatchObject({ gate: { $: { token: 'preset1' } } });
  await cam.gotoPreset({ preset: 'preset1' });
  expect(camera.ptz.position).toEqual(at);
});

test('an independent client hears of motion', async () => {
  await using camera = await startOnvifCamera({ quirks: { subscribesOnOtherPort: true, wantsExactTo: true } });
  const cam = await connect(camera);
  await cam.createPullPointSubscription();
  const first = await cam.pullMessages({ messageLimit: 10 });
  expect(JSON.stringify(first)).toContain('"Initialized"');
  camera.motion(true);
  const second = await cam.pullMessages({ messageLimit: 10 });
  expect(JSON.stringify(second)).toMatch(/CellMotionDetector\/Motion.*"Changed".*"IsMotion"/);
  await cam.renew({});
  await cam.unsubscribe();
  expect(camera.state.events.count).toBe(0);
});

test.for([
  ['Axis, by a reference parameter', { wantsReferenceParameters: true, dialect: 'axis' }, 'CameraApplicationPlatform'],
  ['Reolink, by the very address', { wantsExactTo: true, dialect: 'reolink' }, 'VideoSource/MotionAlarm'],
  ['a board with digits', { tellsDigits: true, dialect: 'dlink' }, 'VideoSoure/MotionAlarm'],
] as const satisfies readonly (readonly [string, Quirks, string])[])(
  'an independent client hears motion of %s',
  async ([, quirks, topic]) => {
    await using camera = await startOnvifCamera({ quirks });
    const cam = await connect(camera);
    await cam.createPullPointSubscription();
    await cam.pullMessages({ messageLimit: 10 });
    camera.motion(true);
    const heard = JSON.stringify(await cam.pullMessages({ messageLimit: 10 }));
    expect(heard).toContain(topic);
    expect(heard).toMatch((quirks as Quirks).tellsDigits ? /"value":"?1/i : /"value":"?true/i);
  },
);

test('pull points: a limited number, truncated requests unanswered, a rejected renewal', async () => {
  await using camera = await startOnvifCamera({
    quirks: { subscriptionsAtMost: 1, cutsPullsAfterMs: 50, refusesRenew: 'relative', tellsNoInitialState: true },
  });
  const cam = await connect(camera);
  await cam.createPullPointSubscription();
  await expect((await connect(camera)).createPullPointSubscription()).rejects.toThrow(/maximum number/i);
  await expect(cam.pullMessages({ messageLimit: 10 })).rejects.toThrow(/hang up|reset/i);
  await expect(cam.renew({})).rejects.toThrow(/relative/);
  camera.state.events.endAll();
  await expect(cam.pullMessages({ messageLimit: 10 })).rejects.toThrow(/no such subscription/i);
});

test('a pulse has no end, and an end may be lost', async () => {
  await using camera = await startOnvifCamera({ quirks: { tellsPulsesOnly: true, tellsNoInitialState: true } });
  const cam = await connect(camera);
  await cam.createPullPointSubscription();
  camera.motion(true);
  camera.motion(false);
  const heard = JSON.stringify(await cam.pullMessages({ messageLimit: 10 }));
  expect(heard.match(/Changed/g)).toHaveLength(1);
});

test.for([
  ['stops by itself', {}, 1_000, false],
  ['runs on when it ignores Timeout', { ignoresMoveTimeout: true }, 60_000, true],
] as const)('a camera that %s', async ([, quirks, afterMs, isMoving]) => {
  const clock = new FakeClock();
  const head = new PtzHead(clock, quirks);
  head.move({ x: 1, y: 0, zoom: 0 }, 1_000);
  expect(head.moving).toBe(true);
  await clock.advance(afterMs);
  expect(head.moving).toBe(isMoving);
  expect(head.position.x).toBeCloseTo(isMoving ? 1 : 0.2);
});

test('a camera that ignores Stop moves until its timeout', async () => {
  await using camera = await startOnvifCamera({ quirks: { ignoresStop: true } });
  const cam = await connect(camera);
  await cam.continuousMove({ x: 0.1, y: 0, zoom: 0, timeout: 60_000 });
  await cam.stop({ panTilt: true, zoom: true });
  expect(camera.ptz.moving).toBe(true);
});

/** The status and headers of one RTSP request. */
async function describeStream(url: string, more = ''): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connectTcp(Number(port), hostname);
  socket.write(`DESCRIBE ${url} RTSP/1.0\r\nCSeq: 1\r\n${more}\r\n`);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return chunk.toString();
}

test.for([
  ['without login', {}, false, 'main', /^RTSP\/1.0 200.*m=video/s],
  ['with Digest', {}, true, 'main', /^RTSP\/1.0 401.*Digest realm="simulated camera", nonce="\w+"\r/s],
  ['with Digest of SHA-256', { rtspLogin: 'sha256' }, true, 'main', /^RTSP\/1.0 401.*algorithm=SHA-256/s],
  ['with Basic', { rtspLogin: 'basic' }, true, 'main', /^RTSP\/1.0 401.*Basic realm/s],
  ['with a login for ONVIF alone', { rtspLogin: 'none' }, true, 'main', /^RTSP\/1.0 200/],
  ['that has no such path', {}, false, 'other', /^RTSP\/1.0 404/],
  ['that asks for a login at any path', {}, true, 'other', /^RTSP\/1.0 401/],
  ['that tells its paths', { tellsPathsBeforeLogin: true }, true, 'other', /^RTSP\/1.0 404/],
  [
    'with paths of its own',
    { streamPaths: { main: '/cam/realmonitor?channel=1&subtype=0' } },
    false,
    'main',
    /^RTSP\/1.0 200/,
  ],
] as const satisfies readonly (readonly [string, Quirks, boolean, string, RegExp])[])(
  'a stream %s',
  async ([, quirks, hasLogin, path, expected]) => {
    await using camera = await startOnvifCamera({ quirks, ...(hasLogin && { credentials: CREDENTIALS }) });
    expect(await describeStream(camera.rtspUrl(path))).toMatch(expected);
  },
);

test('an independent client finds the picture at the announced address and byte range', async () => {
  await using camera = await startOnvifCamera({ quirks: { snapshot: 'octet-stream' } });
  const { uri } = await (await connect(camera)).getSnapshotUri({ profileToken: 'main' });
  const response = await fetch(uri);
  expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'application/octet-stream']);
  expect(new Uint8Array(await response.arrayBuffer()).subarray(0, 2)).toEqual(Uint8Array.of(0xff, 0xd8));
});

test('a back channel is described on request, or always', async () => {
  const isTold = async (quirks: Quirks, more: string) => {
    await using camera = await startOnvifCamera({ quirks });
    return (await describeStream(camera.rtspUrl(), more)).includes('a=sendonly');
  };
  const asks = 'Require: www.onvif.org/ver20/backchannel\r\n';
  expect(await isTold({}, asks)).toBe(false);
  expect(await isTold({ backChannel: 'when asked' }, '')).toBe(false);
  expect(await isTold({ backChannel: 'when asked' }, asks)).toBe(true);
  expect(await isTold({ backChannel: 'always' }, '')).toBe(true);
});
