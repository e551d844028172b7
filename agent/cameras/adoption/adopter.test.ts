import { expect, onTestFinished, test } from 'vitest';
import { type OnvifCamera, type OnvifCameraOptions, startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { systemClock } from '../../base/clock.ts';
import type { Edit } from '../../config/yaml/edit.ts';
import { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { Adopter } from './adopter.ts';

const { signal } = new AbortController();
const LOGIN = { user: 'admin', password: 'secret' };
const OTHERS = { user: 'other', password: 'other' };

async function openCamera(options: OnvifCameraOptions): Promise<OnvifCamera> {
  const camera = await startOnvifCamera(options);
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return camera;
}

/**
 * An adopter in a network where a camera was found with this endpoint.
 * @param answersAs whether the camera still has it when probed
 */
function adopterOf({ address, url }: OnvifCamera, endpoint: string, answersAs = false) {
  const texts = { name: undefined, hardware: undefined, location: undefined, manufacturer: undefined };
  let known = { endpoint, address, url, foundFrom: '127.0.0.1', ...texts, firstSeenMs: 1, lastSeenMs: 1 };
  const probed: string[] = [];
  const written: Edit[] = [];
  const proved: string[] = [];
  const adopter = new Adopter({
    clock: systemClock,
    paths: {
      current: good('paths:\n'),
      revise: async (plan) => {
        written.push(...(await plan({ config: good('paths:\n') })));
      },
    },
    endGrants: async () => {},
    found: {
      list: () => [known],
      find: () => [known],
      probe: async (range) => {
        probed.push(range);
        known = { ...known, lastSeenMs: answersAs ? 2 : 1 };
      },
    },
    createProbe: () => async (rtspUrl) => {
      proved.push(rtspUrl);
      return { hasSound: false };
    },
    isOpen: async () => true,
    speaksRtsp: async () => true,
    includeLoopback: true,
    logins: new LoginMemory(systemClock),
  });
  return { adopter, probed, written, proved };
}

const shown = ({ requests }: OnvifCamera) =>
  requests.filter(({ hasToken, authorization }) => hasToken || authorization !== undefined);

test('a camera that was found, and at whose address another one is now, is not adopted, and the other sees no login', async () => {
  const other = await openCamera({ credentials: OTHERS });
  const { adopter, probed, written } = adopterOf(other, 'urn:uuid:0a0b0c0d-0001-4000-8000-000000000001');
  const request = { endpoint: 'urn:uuid:0a0b0c0d-0001-4000-8000-000000000001', ...LOGIN };
  const words = 'another camera is at the address where this one was found: search for cameras again';
  await expect(adopter.adopt(request, signal)).rejects.toThrow(words);
  await expect(adopter.check({ ...request, onvif: other.url }, signal)).rejects.toThrow(words);
  expect(shown(other)).toEqual([]);
  expect(probed).toEqual(['127.0.0.1', '127.0.0.1']);
  expect(written).toEqual([]);
});

test('a camera with different endpoints in discovery and ONVIF is adopted once it answers a probe', async () => {
  const camera = await openCamera({ credentials: LOGIN });
  const { adopter, written } = adopterOf(camera, 'urn:uuid:0a0b0c0d-0001-4000-8000-000000000002', true);
  const request = { endpoint: 'urn:uuid:0a0b0c0d-0001-4000-8000-000000000002', ...LOGIN };
  await adopter.adopt(request, signal);
  expect(written.map(({ keyPath }) => keyPath.join(' '))).toHaveLength(2);
});

test("an adopted camera's login is not sent to another endpoint at its address", async () => {
  const camera = await openCamera({ credentials: LOGIN });
  const { adopter } = adopterOf(camera, camera.endpoint);
  const { endpoint } = camera;
  const { serial } = camera.state.identity;
  const settings = { onvif: camera.url, endpoint, serial, ...LOGIN };
  expect(await adopter.read(settings, signal)).toMatchObject({ information: { serial } });
  const { address, port } = camera;
  await camera.stop();
  const other = await openCamera({ address, port, credentials: OTHERS });
  await expect(adopter.read(settings, signal)).rejects.toThrow('another camera is at its address now');
  expect(shown(other)).toEqual([]);
});

test('one address for the large and the small stream becomes one path', async () => {
  const camera = await openCamera({});
  const { adopter, written, proved } = adopterOf(camera, camera.endpoint);
  const rtsp = camera.rtspUrl();
  const { paths } = await adopter.adopt({ rtsp, sub: rtsp, name: 'yard' }, signal);
  expect(paths).toEqual([{ name: 'yard', sub: undefined }]);
  expect([written.length, proved]).toEqual([1, [rtsp]]);
});

test('another serial number at an endpoint that all cameras of a maker share is another camera', async () => {
  const camera = await openCamera({ credentials: LOGIN, identity: { serial: 'S2' } });
  const { adopter, proved } = adopterOf(camera, camera.endpoint);
  const settings = { onvif: camera.url, endpoint: camera.endpoint, serial: 'S1', ...LOGIN };
  await expect(adopter.read(settings, signal)).rejects.toThrow('another camera is at its address now');
  expect(proved).toEqual([]);
});

test('a source of another protocol is added as it was typed, without a connection', async () => {
  const camera = await openCamera({ credentials: LOGIN });
  const { adopter, written, proved } = adopterOf(camera, camera.endpoint);
  const source = 'srt://127.0.0.1:8890?streamid=read:garden&passphrase=0123456789';
  await adopter.adopt({ source, title: 'Garden', ...LOGIN }, signal);
  expect(written).toEqual([
    { keyPath: ['paths', 'garden'], value: { source, record: true, camera: { name: 'Garden' } } },
  ]);
  const sdp = 'v=0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n';
  await adopter.adopt({ source: 'udp+rtp://0.0.0.0:5004', rtpSDP: sdp, title: 'Gate' }, signal);
  expect(written[1]).toMatchObject({ keyPath: ['paths', 'gate'], value: { rtpSDP: sdp } });
  expect(proved).toEqual([]);
});

test.for(['publisher', 'ffmpeg://video.mp4', 'ftp://127.0.0.1/', 'nonsense'])(
  '%s is no source that can be added',
  async (source) => {
    const camera = await openCamera({ credentials: LOGIN });
    const { adopter, written } = adopterOf(camera, camera.endpoint);
    await expect(adopter.adopt({ source }, signal)).rejects.toThrow(/source/);
    expect(written).toEqual([]);
  },
);
