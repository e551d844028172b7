import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import onvif from 'onvif/promises/index.js';
import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import type { IndependentClient } from '../../../onvif-camera/independent-client.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { AV_PYTHON, describeWith } from '../../../peers/programs/peers.ts';
import { freeUdpPort } from '../../../support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../../support/harness/adoption-harness.ts';
import { labelling } from '../../../support/harness/labelling.ts';

const LOGIN = { user: 'admin', password: 'for the camera' };
const ON = 'onvif: yes\nonvifAddress: 127.0.0.1:0\n';
const RECORDER = join(import.meta.dirname, '../../../peers/clients/onvif-recorder.py');

interface State {
  readonly isOn: boolean;
  readonly cameras: readonly { readonly path: string; readonly port: number | null; readonly error: string | null }[];
  readonly hasPassword: boolean;
  readonly discoveryError: string | null;
}

/** A Perch with a running camera that recorders may add, and a device password for them. */
async function openOffering(address: string) {
  const port = await freeUdpPort();
  const camera = await startOnvifCamera({ credentials: LOGIN, discoveryPort: port, address });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const { features, label } = labelling();
  const box = await openAdoptionHarness({ port }, ON, { features });
  onTestFinished(() => box[Symbol.asyncDispose]());
  await expect
    .poll(async () => (await box.call('POST', '/cameras/discover?wait=yes', {})).body['items'])
    .toHaveLength(1);
  await box.call('POST', '/cameras/adopt', { ...LOGIN, cameras: [{ endpoint: camera.endpoint }] });
  const state = async () => (await box.call('GET', '/onvif')).body as unknown as State;
  await expect.poll(async () => (await state()).cameras).toMatchObject([{ path: 'front_door' }]);
  for (const name of ['front_door', 'front_door_sub']) {
    await expect
      .poll(async () => (await box.call('GET', `/paths/get/${name}`)).body['ready'], { timeout: 10_000 })
      .toBe(true);
  }
  const { body } = await box.call('POST', '/devicepasswords', { name: 'NVR', live: true, onvif: true });
  const recorder = { user: String(body['user']), password: String(body['password']) };
  const devicePort = (await state()).cameras[0]?.port ?? 0;
  return { camera, box, label, recorder, devicePort, discoveryPort: port };
}

const withLogin = (uri: string, { user, password }: { user: string; password: string }): string =>
  uri.replace('://', `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`);

describeWith(['ffmpeg'], 'a recorder', () => {
  test("npm's onvif gets both streams, which ffmpeg plays, with their true size, and motion", async () => {
    const { box, label, recorder, devicePort } = await openOffering('127.0.0.41');
    const cam = new onvif.Cam({
      ...{ hostname: '127.0.0.1', port: devicePort, username: recorder.user, password: recorder.password },
      ...{ autoconnect: false, timeout: 5_000 },
    }) as unknown as IndependentClient & {
      getVideoEncoderConfigurations(): Promise<readonly { $: { token: string }; resolution: { width: number } }[]>;
    };
    await cam.connect();
    const encoders = await cam.getVideoEncoderConfigurations();
    for (const { token } of cam.profiles.map(({ $ }) => $)) {
      const { uri } = await cam.getStreamUri({ protocol: 'RTSP', profileToken: token });
      const { streams } = await ffprobe(withLogin(uri, recorder), ['-rtsp_transport', 'tcp']);
      const video = streams.find(({ codec_type }) => codec_type === 'video');
      expect([token, video?.codec_name]).toEqual([token, 'h264']);
      expect(encoders.find(({ $ }) => $.token === token)?.resolution.width).toBe(video?.width);
    }
    await cam.createPullPointSubscription();
    await cam.pullMessages({ messageLimit: 100 });
    const pulled = (text: string) =>
      expect
        .poll(async () => JSON.stringify(await cam.pullMessages({ messageLimit: 100 })), { timeout: 10_000 })
        .toContain(text);
    const { body } = await box.call('POST', '/events', { path: 'front_door', type: 'motion', state: 'start' });
    await pulled('CellMotionDetector/Motion');
    await label('front_door', String(body['id']), 'person');
    await pulled('MyRuleDetector/PeopleDetect');
    await box.call('POST', '/events', { path: 'front_door', type: 'motion', state: 'end' });
    await pulled('CellMotionDetector/Motion');
    await label('front_door', String(body['id']), 'person', 'animal');
    await pulled('MyRuleDetector/DogCatDetect');
  });
});

describeWith(
  ['ffmpeg', 'onvif-zeep-async'],
  "Home Assistant's library, which checks answers against the WSDL of ONVIF",
  () => {
    test('gets device, profiles, streams, picture and motion, and moves the camera to a position', async () => {
      const { camera, box, recorder, devicePort } = await openOffering('127.0.0.42');
      const folder = mkdtempSync(join(tmpdir(), 'perch-zeep-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const picture = join(folder, 'picture.jpg');
      const run = promisify(execFile)(AV_PYTHON, [
        RECORDER,
        ...['127.0.0.1', String(devicePort), recorder.user, recorder.password, picture],
      ]);
      const subscribed = async () =>
        ((await box.call('GET', '/onvif')).body as { subscriptions: number }).subscriptions;
      await expect.poll(subscribed, { timeout: 30_000 }).toBe(1);
      await box.call('POST', '/events', { path: 'front_door', type: 'motion', state: 'start' });
      const seen = JSON.parse((await run).stdout);
      expect(seen).toMatchObject({
        manufacturer: 'Perch',
        profiles: [
          { token: 'main', encoding: 'H264', width: 640, height: 360 },
          { token: 'sub', encoding: 'H264', width: 320, height: 180 },
        ],
      });
      expect(seen.ptz).toEqual({
        spaces: [
          'http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace',
          'http://www.onvif.org/ver10/tptz/ZoomSpaces/PositionGenericSpace',
        ],
        position: [0.25, -0.5, 0.75],
      });
      expect(camera.ptz.position).toEqual({ x: 0.25, y: -0.5, zoom: 0.75 });
      expect(seen.topics).toContain('tns1:RuleEngine/CellMotionDetector/Motion');
      // The motion goes on: it is in the first message that is sent.
      expect(seen.pushed).toHaveLength(7);
      expect([...readFileSync(picture).subarray(0, 2)]).toEqual([0xff, 0xd8]);
      const { streams } = await ffprobe(withLogin(seen.profiles[0].uri, recorder), ['-rtsp_transport', 'tcp']);
      expect(streams).toContainEqual(expect.objectContaining({ codec_name: 'h264', width: 640 }));
    });
  },
);

test('the test finds the camera as a recorder does, and names what is wrong', async () => {
  const { box, devicePort } = await openOffering('127.0.0.43');
  const tested = async () => (await box.call('POST', '/onvif/test', {})).body as unknown as State;
  expect(await tested()).toMatchObject({
    ...{ isOn: true, hasPassword: true, discoveryError: null },
    cameras: [{ path: 'front_door', port: devicePort, error: null }],
  });
});

test('the test opens a port again that another program had', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  const { port } = other.address() as { port: number };
  await using box = await openAdoptionHarness(
    { port: await freeUdpPort() },
    `onvif: yes\nonvifDiscovery: no\nonvifAddress: 127.0.0.1:${port}\npaths:\n  stage:\n`,
  );
  const tested = async () => (await box.call('POST', '/onvif/test', {})).body as unknown as State;
  expect(await tested()).toMatchObject({
    hasPassword: false,
    cameras: [{ path: 'stage', port: null, error: expect.stringContaining(`port ${port} is taken by`) }],
  });
  await new Promise<void>((resolve) => {
    other.close(() => resolve());
  });
  expect(await tested()).toMatchObject({ cameras: [{ path: 'stage', port, error: null }] });
});

test('the test names discovery that another program blocks, and finds the cameras when it is free', async () => {
  const port = await freeUdpPort();
  const other = createSocket('udp4');
  await new Promise<void>((resolve) => {
    other.bind(port, resolve);
  });
  await using box = await openAdoptionHarness({ port }, `${ON}paths:\n  stage:\n`);
  const tested = async () => (await box.call('POST', '/onvif/test', {})).body as unknown as State;
  expect((await tested()).discoveryError).toContain('EADDRINUSE');
  await new Promise<void>((resolve) => {
    other.close(() => resolve());
  });
  await box.call('PATCH', '/config/global/patch', { onvifDiscovery: false });
  await box.call('PATCH', '/config/global/patch', { onvifDiscovery: true });
  await expect.poll(async () => (await tested()).discoveryError, { timeout: 15_000 }).toBeNull();
});

test('probes that do not come back are named by the test, and by the state from then on', async () => {
  await using box = await openAdoptionHarness(
    { port: await freeUdpPort(), includeLoopback: false },
    `${ON}paths:\n  stage:\n`,
  );
  const state = async () => (await box.call('GET', '/onvif')).body as unknown as State;
  expect((await state()).discoveryError).toBeNull();
  const tested = (await box.call('POST', '/onvif/test', {})).body as unknown as State;
  expect(tested.discoveryError).toContain('a firewall may block UDP port 3702');
  expect((await state()).discoveryError).toBe(tested.discoveryError);
});

test('a test while ONVIF is off says so, and starts nothing', async () => {
  await using box = await openAdoptionHarness({ port: await freeUdpPort() }, 'paths:\n  stage:\n');
  expect((await box.call('POST', '/onvif/test', {})).body).toMatchObject({ isOn: false, cameras: [] });
});
