import { expect, type TestContext, test } from 'vitest';
import { type OnvifCameraOptions, startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { freePort } from '../../../test/support/base/free-port.ts';
import { systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { ONVIF_PORTS, probeAddress } from './by-address.ts';
import type { Progress } from './progress.ts';

const LOGIN = { user: 'admin', password: 'secret' };

async function openCamera({ onTestFinished }: TestContext, options: OnvifCameraOptions) {
  const camera = await startOnvifCamera({ credentials: LOGIN, ...options });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return camera;
}

interface ProbeJob {
  readonly host?: string;
  readonly onvifPorts: readonly number[];
  readonly password?: string;
  readonly discovered?: readonly string[];
  readonly isStreamThere?: boolean;
}

async function look({
  host = '127.0.0.1',
  onvifPorts,
  password = LOGIN.password,
  discovered = [],
  isStreamThere = false,
}: ProbeJob) {
  const steps: Progress[] = [];
  const asked: string[] = [];
  const found = await probeAddress(
    { host, credentials: { ...LOGIN, password }, onvifPorts, ports: [554] },
    {
      ...{ clock: systemClock, logins: new LoginMemory(systemClock), signal: new AbortController().signal },
      isOpen: async (_host, port) => onvifPorts.includes(port),
      speaksRtsp: async () => true,
      discover: async () => discovered,
      onProgress: (progress) => steps.push(progress),
      probeStream: async (url) => {
        asked.push(url);
        if (!isStreamThere) {
          throw new PerchError('timeout', 'nothing');
        }
        return { hasSound: true };
      },
    },
  ).catch((error: PerchError) => error);
  return { found, steps, asked };
}

test('ports are asked in the order in which cameras have ONVIF there', () => {
  expect(ONVIF_PORTS).toEqual([80, 8000, 8080, 2020, 8899, 8999, 888, 5000]);
});

test.for(['/onvif/device_service', '/onvif/service'])(
  'ONVIF is found at %s of an unusual port',
  async (path, context) => {
    const camera = await openCamera(context, { quirks: { devicePath: path } });
    const { found, steps } = await look({ onvifPorts: [await freePort(), camera.port] });
    expect(found).toMatchObject({ onvif: camera.url });
    expect(steps.at(-1)).toEqual({ what: `ONVIF at port ${camera.port}`, done: 2, total: 3 });
  },
);

test('the answer to a probe takes precedence over open ports', async (context) => {
  const camera = await openCamera(context, { quirks: { devicePath: '/elsewhere' } });
  const { found, steps } = await look({ onvifPorts: [], discovered: [camera.url] });
  expect(found).toMatchObject({ onvif: camera.url });
  expect(steps.map(({ what }) => what)).toEqual(['a probe']);
});

test('without ONVIF the streams of makers are tried', async (context) => {
  const camera = await openCamera(context, { quirks: { onvifIsOff: 404 } });
  const { found } = await look({ onvifPorts: [camera.port], isStreamThere: true });
  expect(found).toMatchObject({
    makers: expect.stringContaining('Hikvision'),
    main: 'rtsp://127.0.0.1/Streaming/Channels/101',
  });
});

test('without either, the message has the steps to enable ONVIF', async (context) => {
  const camera = await openCamera(context, { quirks: { onvifIsOff: 404 } });
  const { found } = await look({ onvifPorts: [camera.port] });
  expect(found).toMatchObject({ context: { camera: 'onvifOff' }, message: expect.stringContaining('switch ONVIF on') });
});

test('a link-local address is searched in its zone, and errors name the zone', async () => {
  const { found, asked } = await look({ host: 'fe80::1:2:3%none0', onvifPorts: [80] });
  expect(found).toBeInstanceOf(PerchError);
  expect(asked[0]).toBe('rtsp://[fe80::1:2:3%none0]/Streaming/Channels/101');
});

test('a wrong password is not tried at its streams as well', async (context) => {
  const camera = await openCamera(context, { quirks: { servicesWantLogin: true } });
  const { found, asked } = await look({ onvifPorts: [camera.port], password: 'wrong' });
  expect(found).toMatchObject({ context: { camera: 'wrongPassword' } });
  expect(asked).toEqual([]);
});

test('a camera has the name and model that it has in discovery', async (context) => {
  const scopes = ['onvif://www.onvif.org/name/Hof%20%28links%29', 'onvif://www.onvif.org/hardware/Sim'];
  const camera = await openCamera(context, { credentials: LOGIN, identity: { scopes } });
  const { found } = await look({ onvifPorts: [camera.port] });
  expect(found).toEqual({ onvif: camera.url, name: 'Hof (links)', manufacturer: 'Simulated', model: 'Sim 1' });
});

test('a wrong password is reported before the camera is added', async (context) => {
  const camera = await openCamera(context, { credentials: LOGIN });
  const { found } = await look({ onvifPorts: [camera.port], password: 'wrong' });
  expect(found).toMatchObject({ context: { camera: 'wrongPassword' } });
});
