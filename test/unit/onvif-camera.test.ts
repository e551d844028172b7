import { expect, test } from 'vitest';
import { startOnvifCamera } from '../onvif-camera/camera.ts';
import { connectIndependent as connect } from '../onvif-camera/independent-client.ts';
import type { Quirks } from '../onvif-camera/quirks.ts';

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

test('a wrong password is refused, and nothing is told', async () => {
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
