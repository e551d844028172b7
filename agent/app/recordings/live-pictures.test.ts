import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { inMode } from '../modes/effect.ts';
import { LivePictures, OF_EVENT } from './live-pictures.ts';

const noRecordings = {
  playback: { snapshot: () => Promise.reject(new PerchError('notFound', 'no still was taken near this time')) },
};
const paths = { openStreams: () => [] };
const { signal } = new AbortController();

test('callers at the same time share one request to the camera, and a later one takes the kept picture', async () => {
  await using camera = await startOnvifCamera();
  const config = good(JSON.stringify({ paths: { cam: { source: camera.rtspUrl(), camera: { onvif: camera.url } } } }));
  const pictures = new LivePictures({
    config: () => config,
    paths,
    recordings: noRecordings,
    clock: systemClock,
    signal,
  });
  const [one, two] = await Promise.all([pictures.picture('cam', OF_EVENT), pictures.picture('cam', OF_EVENT)]);
  expect(one.length).toBeGreaterThan(0);
  expect(two).toBe(one);
  expect(await pictures.picture('cam', OF_EVENT)).toBe(one);
  expect(pictures.hasPicture('cam')).toBe(true);
});

test('a camera without a picture is named as such', async () => {
  const config = good('paths: {cam: {source: rtsp://127.0.0.1:1/}}');
  const pictures = new LivePictures({
    config: () => config,
    paths,
    recordings: noRecordings,
    clock: systemClock,
    signal,
  });
  await expect(pictures.picture('cam', OF_EVENT)).rejects.toThrow('the camera has no ONVIF service');
  expect(pictures.hasPicture('cam')).toBe(false);
});

test('a private camera has no picture, not even a recent one', async () => {
  const clock = new FakeClock();
  const config = good('perch: own\npaths: {hall: {modes: {away: {privacy: yes}}}}');
  let mode: 'home' | 'away' = 'home';
  const jpeg = Uint8Array.of(1);
  const pictures = new LivePictures({
    ...{ config: () => inMode(config, mode), paths: { openStreams: () => [] }, clock },
    recordings: { playback: { snapshot: async (_path, timeUs) => ({ jpeg, timeUs }) } },
    signal,
  });
  const request = { timeoutMs: 1_000, maxAgeMs: 30_000 };
  expect(await pictures.picture('hall', request)).toBe(jpeg);
  mode = 'away';
  await expect(pictures.picture('hall', request)).rejects.toThrow('private in the present mode');
});
