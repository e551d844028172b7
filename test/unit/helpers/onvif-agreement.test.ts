import { expect, test } from 'vitest';
import { describeDevice } from '../../../agent/onvif/device/describe-device.ts';
import { openSession } from '../../../agent/onvif/device/onvif-session.ts';
import { type OnvifCamera, startOnvifCamera } from '../../onvif-camera/camera.ts';
import { connectIndependent } from '../../onvif-camera/independent-client.ts';
import type { Quirks } from '../../onvif-camera/quirks.ts';

const CREDENTIALS = { user: 'admin', password: 'pass <&> word' };

/** A camera as Perch describes it. */
async function readByOurs(camera: OnvifCamera) {
  const { signal } = new AbortController();
  const session = await openSession({ url: camera.url, ...camera.state.credentials, signal });
  const { information, profiles, main, sub, snapshot, hasPtz, hasEvents } = await describeDevice(session, { signal });
  const { manufacturer, model, firmware, serial } = information;
  return {
    information: [manufacturer, model, firmware, serial],
    profiles: profiles.map(({ token }) => token),
    streams: [main.rtspUrl, sub?.rtspUrl],
    picture: snapshot?.url,
    hasPtz,
    hasEvents,
  };
}

/** The same camera as described by an independent client. */
async function readByTheirs(camera: OnvifCamera) {
  const cam = await connectIndependent(camera);
  const { manufacturer, model, firmwareVersion, serialNumber } = await cam.getDeviceInformation();
  const streamOf = async (profileToken: string) => (await cam.getStreamUri({ protocol: 'RTSP', profileToken })).uri;
  const isTrue = (asked: Promise<unknown>) =>
    asked.then(
      () => true,
      () => false,
    );
  return {
    information: [manufacturer, model, firmwareVersion, serialNumber],
    profiles: cam.profiles.map(({ $ }) => $.token),
    streams: [await streamOf('main'), await streamOf('sub')],
    picture: (await cam.getSnapshotUri({ profileToken: 'main' })).uri,
    hasPtz: await isTrue(cam.getStatus({})),
    hasEvents: await isTrue(cam.createPullPointSubscription()),
  };
}

test.for([
  ['without login', {}, false],
  ['with a token', { login: 'token' }, true],
  ['with Digest', { login: 'digest', challenge: 'qop first' }, true],
  ['with Digest of both kinds', { login: 'digest both' }, true],
  [
    'with a strict clock that is three hours late',
    { login: 'token', clockOffsetMs: -10_800_000, tokenWindowMs: 5_000 },
    true,
  ],
  ['with Media 1 alone', { media: '1' }, false],
  ['with Media 2 alone', { media: '2' }, false],
  ['with a broken Media 2', { media: '2 broken' }, false],
  ['with GetCapabilities alone', { hasNoGetServices: true }, false],
  ['with one path for all', { hasOnePath: true, devicePath: '/onvif/service' }, false],
  [
    'with the paths of Hikvision',
    { streamPaths: { main: '/Streaming/Channels/101?transportmode=unicast&profile=Profile_1' } },
    false,
  ],
  ['without PTZ and events', { ptz: 'none', events: 'none' }, false],
] as const satisfies readonly (readonly [string, Quirks, boolean])[])(
  'two independent clients agree about a camera %s',
  async ([, quirks, hasLogin]) => {
    await using camera = await startOnvifCamera({ quirks, ...(hasLogin && { credentials: CREDENTIALS }) });
    const ours = await readByOurs(camera);
    expect(ours).toEqual(await readByTheirs(camera));
    expect(ours.streams).toEqual([camera.rtspUrl('main'), camera.rtspUrl('sub')]);
  },
);
