import { expect, test } from 'vitest';
import { PICTURE_SDP, pictureCamera } from '../../../test/support/cameras/picture-camera.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { SOUND_SDP, scriptedCamera } from '../../../test/support/cameras/scripted-camera.ts';

const SOUND = 'm=audio 0 RTP/AVP 0\r\na=control:track2\r\n';
const asked = (camera: Parameters<typeof lastCaller>[0]) =>
  lastCaller(camera).requests.flatMap(({ method, uri }) => (method === 'SETUP' ? [uri.split('/').at(-1)] : []));

test.for([
  ['not wanted', false, ['track1']],
  ['wanted', true, ['track1', 'track2']],
] as const)('with audio %s these tracks are set up', async ([, audio, tracks]) => {
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + SOUND });
  await using _run = new Run(url(camera), { audio });
  await camera.until(() => camera.callers.at(-1)?.methods.includes('PLAY') ?? false);
  expect(asked(camera)).toEqual(tracks);
});

test('without audio, video is published at once', async () => {
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + SOUND });
  await using run = new Run(url(camera), { audio: false });
  await run.sampled(3);
  expect(run.tracks.map(({ codec }) => codec)).toEqual(['h264']);
});

test('a camera with audio only is rejected with the reason', async () => {
  await using camera = await scriptedCamera(() => undefined, SOUND_SDP);
  await using run = new Run(url(camera), { audio: false });
  expect(await run.failure()).toContain('of which nothing is left without audio (audio: no)');
  expect(asked(camera)).toEqual([]);
});
