import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { tinyH264, tinyVideo, wideH264 } from '../../test/support/media/tiny-h264.ts';
import { av1, mjpeg } from '../../test/support/media/video-tracks.ts';
import { systemClock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import type { Config } from '../config/load/load.ts';
import type { PathSettings } from '../config/schema/path.ts';
import { parseJpeg } from '../media/mjpeg/params.ts';
import type { PictureTask, RgbTask } from '../picture/contracts.ts';
import { encodeJpeg, jpegPictureOf } from '../picture/jpeg.ts';
import { WHOLE } from '../picture/part.ts';
import { Pictures } from '../picture/pictures.ts';
import { Stream } from '../stream/stream.ts';
import { LivePictures, OF_EVENT } from './live-pictures.ts';
import { rgbOfStream } from './rgb-picture.ts';

const noRecordings = {
  playback: {
    snapshot: () => Promise.reject(new PerchError('notFound', 'no still was taken near this time')),
    pictures: new Pictures(),
  },
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

test('the picture of a camera of another box is that of the box', async () => {
  const config = good('paths: {cam: {source: publisher}, hall: {source: rtsp://127.0.0.1:1/}}');
  const jpeg = Uint8Array.of(0xff, 0xd8);
  const pictures = new LivePictures({
    ...{ config: () => config, paths, recordings: noRecordings, clock: systemClock, signal },
    elsewhere: (path) => (path === 'cam' ? { fetch: async () => jpeg } : undefined),
  });
  expect(await pictures.picture('cam', OF_EVENT)).toBe(jpeg);
  expect([pictures.hasPicture('cam'), pictures.hasPicture('hall')]).toEqual([true, false]);
});

function hallThatIs(state: Pick<PathSettings, 'isPrivate'>): Config {
  const config = good('perch: own\npaths: {hall: {}}');
  const hall = config.paths.get('hall');
  return {
    ...config,
    paths: new Map(hall?.settings && [['hall', { ...hall, settings: { ...hall.settings, ...state } }]]),
  };
}

test('a private camera has no picture, not even a recent one', async () => {
  const clock = new FakeClock();
  let isPrivate = false;
  const jpeg = Uint8Array.of(1);
  const pictures = new LivePictures({
    ...{ config: () => hallThatIs({ isPrivate }), paths: { openStreams: () => [] }, clock },
    recordings: { playback: { ...noRecordings.playback, snapshot: async (_path, timeUs) => ({ jpeg, timeUs }) } },
    signal,
  });
  const request = { timeoutMs: 1_000, maxAgeMs: 30_000 };
  expect(await pictures.picture('hall', request)).toBe(jpeg);
  isPrivate = true;
  await expect(pictures.picture('hall', request)).rejects.toThrow('private in the present mode');
});

test.for([[], ['a later picture than the key frame']])(
  'a camera without ONVIF has pictures of its stream %s',
  async (later) => {
    const stream = new Stream([tinyH264]);
    for (const sample of tinyVideo(later.length === 0 ? 1 : 6, 10, 10)) {
      stream.write(0, sample);
    }
    let isPrivate = false;
    const made: PictureTask[] = [];
    const decoder = new Pictures();
    onTestFinished(() => decoder.close());
    const pictures = new LivePictures({
      config: () => hallThatIs({ isPrivate }),
      paths: { openStreams: () => [['hall', stream]] },
      recordings: {
        playback: {
          ...noRecordings.playback,
          pictures: {
            make: (task) => decoder.make(task).finally(() => made.push(task)),
            rgb: (task) => decoder.rgb(task),
          },
        },
      },
      clock: systemClock,
      signal,
    });
    expect(pictures.hasPicture('hall')).toBe(true);
    const jpeg = await pictures.picture('hall', { timeoutMs: 60_000, maxAgeMs: 0 });
    expect(parseJpeg(jpeg)).toMatchObject({ width: 64, height: 48 });
    expect(made[0]?.coded.samples).toHaveLength(later.length === 0 ? 1 : 6);
    expect((await pictures.small('hall', 2_500)).length).toBeLessThanOrEqual(2_500);
    await expect(pictures.small('hall', 100)).rejects.toThrow('no picture of at most 100 bytes');
    isPrivate = true;
    expect(pictures.hasPicture('hall')).toBe(false);
    await expect(pictures.small('hall', 2_500)).rejects.toThrow('no picture');
    stream.close();
  },
);

test('of a stream that is not decoded there is no picture', async () => {
  const stream = new Stream([{ kind: 'video', codec: 'vp8', clockRate: 90_000, width: 64, height: 64, fps: 10 }]);
  const pictures = new LivePictures({
    config: () => good('paths: {cam: {source: rtsp://127.0.0.1:1/}}'),
    paths: { openStreams: () => [['cam', stream]] },
    recordings: noRecordings,
    clock: systemClock,
    signal,
  });
  expect(pictures.hasPicture('cam')).toBe(false);
  await expect(pictures.picture('cam', OF_EVENT)).rejects.toThrow('nor MJPEG');
  stream.close();
});

/** The pictures of one stream. @param ffmpeg false: the machine has none */
function liveWith(
  stream: Stream,
  { config = good('paths: {cam: {source: rtsp://127.0.0.1:1/}}'), ffmpeg = true, clock = systemClock } = {},
) {
  const decoder = new Pictures();
  const { PATH } = process.env;
  if (!ffmpeg) {
    process.env['PATH'] = '/nowhere';
  }
  onTestFinished(async () => {
    process.env['PATH'] = PATH;
    stream.close();
    await decoder.close();
  });
  return new LivePictures({
    config: () => config,
    paths: { openStreams: () => [['cam', stream]] },
    recordings: { playback: { ...noRecordings.playback, pictures: decoder } },
    clock,
    signal,
  });
}

/** Passes the time of cameras, but none of the decoder. @param sleepers those that wait for the camera */
async function passAll(clock: FakeClock, ms: number, sleepers: number): Promise<void> {
  while (clock.sleeping < sleepers) {
    await Promise.resolve();
  }
  await clock.advance(ms);
}

test('the last key frame of a live stream is decoded, with its time, in the width that is asked for', async () => {
  const stream = new Stream([tinyH264]);
  for (const sample of tinyVideo(16, 10, 10, 0, 1_000_000)) {
    stream.write(0, sample);
  }
  const pictures = liveWith(stream, { ffmpeg: false });
  const { jpeg, timeUs, by } = await pictures.keyFrame('cam', undefined);
  expect([by, timeUs]).toEqual(['perch', 1_001_000_000]);
  expect(parseJpeg(jpeg)).toMatchObject({ width: 64, height: 48 });
  expect(parseJpeg((await pictures.keyFrame('cam', 32)).jpeg)).toMatchObject({ width: 32, height: 24 });
  await expect(pictures.keyFrame('hall', undefined)).rejects.toMatchObject({ code: 'notFound' });
});

test('a picture of MJPEG is that of the camera', async () => {
  const stream = new Stream([{ kind: 'video', codec: 'mjpeg', clockRate: 90_000, width: 64, height: 64, fps: 10 }]);
  const data = Uint8Array.of(0xff, 0xd8, 1, 2);
  stream.write(0, { pts: 0, dts: 0, wall: 5_000, key: true, data });
  const { by, timeUs, jpeg } = await liveWith(stream).keyFrame('cam', undefined);
  expect([by, timeUs, [...jpeg]]).toEqual(['camera', 5_000_000, [...data]]);
});

test('what nothing here decodes is a new snapshot of the camera, or an answer that says why', async () => {
  await using camera = await startOnvifCamera();
  const config = good(JSON.stringify({ paths: { cam: { source: camera.rtspUrl(), camera: { onvif: camera.url } } } }));
  const vp8 = { kind: 'video', codec: 'vp8', clockRate: 90_000, width: 64, height: 64, fps: 10 } as const;
  const stream = new Stream([vp8]);
  stream.write(0, { pts: 0, dts: 0, wall: 5_000, key: true, data: Uint8Array.of(1, 2, 3) });
  const { by, jpeg } = await liveWith(stream, { config, ffmpeg: false }).keyFrame('cam', undefined);
  expect([by, jpeg[0], jpeg[1]]).toEqual(['camera', 0xff, 0xd8]);
  const without = liveWith(new Stream([vp8]), { ffmpeg: false });
  await expect(without.keyFrame('cam', undefined)).rejects.toMatchObject({ code: 'unsupported' });
});

test.for([['none'], ['hangs']] as const)(
  'a camera whose snapshot fails (%s) has pictures of its stream',
  async ([snapshot]) => {
    await using camera = await startOnvifCamera({ quirks: { snapshot } });
    const config = good(
      JSON.stringify({ paths: { cam: { source: camera.rtspUrl(), camera: { onvif: camera.url } } } }),
    );
    const stream = new Stream([tinyH264]);
    for (const sample of tinyVideo(1, 10, 10)) {
      stream.write(0, sample);
    }
    const clock = new FakeClock();
    const pictures = liveWith(stream, { config, clock });
    const both = Promise.all([pictures.picture('cam', OF_EVENT), pictures.picture('cam', OF_EVENT)]);
    await passAll(clock, OF_EVENT.timeoutMs - 100, 2);
    const [one, two] = await both;
    expect(parseJpeg(one)).toMatchObject({ width: 64, height: 48 });
    expect(two).toBe(one);
    expect(parseJpeg(await pictures.small('cam', 2_500))).toMatchObject({ width: 64, height: 48 });
  },
);

test.for([
  ['one of its own that comes late', undefined, new PerchError('unsupported', 'not decoded'), [0xff, 0xd8]],
  ['its fault, if nothing decodes its stream', 'none', new PerchError('unsupported', 'not decoded'), 'a fault'],
  ['a time limit, also of decoding', 'hangs', undefined, 'no picture within 1.8 s'],
] as const)('a camera without a picture in time has %s', async ([, snapshot, failure, expected]) => {
  await using camera = await startOnvifCamera({ quirks: snapshot ? { snapshot } : {} });
  const config = good(JSON.stringify({ paths: { cam: { source: camera.rtspUrl(), camera: { onvif: camera.url } } } }));
  const stream = new Stream([tinyH264]);
  onTestFinished(() => stream.close());
  for (const sample of tinyVideo(1, 10, 10)) {
    stream.write(0, sample);
  }
  const clock = new FakeClock();
  const decode = () => (failure ? Promise.reject(failure) : new Promise<never>(() => {}));
  const pictures = new LivePictures({
    ...{ config: () => config, clock, signal, paths: { openStreams: () => [['cam', stream]] } },
    recordings: { playback: { ...noRecordings.playback, pictures: { make: decode, rgb: decode } } },
  });
  const answer = pictures.picture('cam', OF_EVENT).then((jpeg) => [...jpeg.slice(0, 2)], explain);
  await passAll(clock, OF_EVENT.timeoutMs - 100, 1);
  if (snapshot === 'hangs') {
    await clock.advance(100);
  }
  expect(await answer).toEqual(typeof expected === 'string' ? expect.stringContaining(expected) : expected);
});

test('a camera whose snapshot fails has pictures of its stream also while many others hang', async () => {
  await using camera = await startOnvifCamera({ quirks: { snapshot: 'hangs' } });
  const names = [...Array(16).keys()].map((i) => `hangs${i}`);
  const entries = [...names, 'cam'].map((name) => [name, { source: camera.rtspUrl(), camera: { onvif: camera.url } }]);
  const stream = new Stream([tinyH264]);
  for (const sample of tinyVideo(1, 10, 10)) {
    stream.write(0, sample);
  }
  const clock = new FakeClock();
  const pictures = liveWith(stream, { config: good(JSON.stringify({ paths: Object.fromEntries(entries) })), clock });
  const others = Promise.allSettled(names.map((name) => pictures.picture(name, OF_EVENT)));
  expect(parseJpeg(await pictures.picture('cam', OF_EVENT))).toMatchObject({ width: 64, height: 48 });
  await passAll(clock, OF_EVENT.timeoutMs - 100, 16);
  await clock.advance(100);
  expect(new Set((await others).map(({ status }) => status))).toEqual(new Set(['rejected']));
});

test('a picture of MJPEG in RGB is the newest one, and the camera is asked for nothing', async () => {
  const stream = new Stream([{ ...mjpeg, width: 32, height: 16 }]);
  const jpegOf = (grey: number): Uint8Array =>
    encodeJpeg(jpegPictureOf({ width: 32, height: 16, rgb: new Uint8Array(3 * 32 * 16).fill(grey) }));
  for (const [i, grey] of [40, 200].entries()) {
    stream.write(0, { pts: 9_000 * i, dts: 9_000 * i, wall: 5_000 + 100 * i, key: true, data: jpegOf(grey) });
  }
  const decoder = new Pictures();
  onTestFinished(() => decoder.close());
  const made = await rgbOfStream(stream, 32, { clock: new FakeClock(), pictures: decoder });
  expect(made).toMatchObject({ width: 32, height: 16, wallMs: 5_100, part: WHOLE });
  expect(made.rgb.every((value) => Math.abs(value - 200) <= 2)).toBe(true);
  const pictures = liveWith(stream);
  const small = await pictures.small('cam', 1_000);
  expect([parseJpeg(small).width, small.length <= 1_000]).toEqual([32, true]);
  stream.close();
});

test('in RGB the sub stream is taken while it is open, and the picture is the newest one', async () => {
  const [main, sub] = [new Stream([wideH264]), new Stream([tinyH264])];
  for (const sample of tinyVideo(6, 10, 10, 0, 1_000_000)) {
    sub.write(0, sample);
  }
  const open = new Map([
    ['cam', main],
    ['cam_sub', sub],
  ]);
  const decoder = new Pictures();
  onTestFinished(() => decoder.close());
  const pictures = new LivePictures({
    config: () => good('paths: {cam: {source: rtsp://127.0.0.1:1/}, cam_sub: {source: rtsp://127.0.0.1:1/s}}'),
    paths: { openStreams: () => [...open] },
    recordings: { playback: { ...noRecordings.playback, pictures: decoder } },
    clock: new FakeClock(),
    signal,
  });
  const picture = await pictures.rgb('cam', 32);
  expect(picture).toMatchObject({ width: 32, height: 24, wallMs: 1_000_500 });
  expect(picture.rgb).toHaveLength(3 * 32 * 24);
  expect(picture.part).toEqual(WHOLE);
  const asked: number[] = [];
  const part = await pictures.rgb('cam', 32, (wallMs) => {
    asked.push(wallMs);
    return { x: 0.75, y: 0.5, width: 0.25, height: 0.25 };
  });
  // Of the sub stream's 64x48, not enlarged, from a sample on that has chroma.
  expect(part).toMatchObject({
    width: 24,
    height: 26,
    part: { x: 0.625, y: 16 / 48, width: 0.375 },
    wallMs: 1_000_500,
  });
  expect(asked).toEqual([1_000_500]);
  await expect(pictures.rgb('hall', 32)).rejects.toThrow('the path is not live');
  open.delete('cam_sub');
  open.set('cam', new Stream([av1]));
  await expect(pictures.rgb('cam', 32)).rejects.toThrow('pictures of av1 are not decoded here');
  for (const stream of [main, sub]) {
    stream.close();
  }
});

test('in a long group of pictures a key frame is requested, and no more is decoded than needed', async () => {
  // 30 pictures of this size may be decoded.
  const stream = new Stream([{ ...tinyH264, width: 1280, height: 650 }]);
  const clock = new FakeClock();
  let asked = 0;
  stream.onKeyFrameWanted = () => {
    asked += 1;
  };
  const tasks: RgbTask[] = [];
  const rgb = async (task: RgbTask) => {
    tasks.push(task);
    return { width: 1, height: 1, rgb: new Uint8Array(3), part: WHOLE, time: 0 };
  };
  const write = (count: number, from = 0) => {
    for (const sample of tinyVideo(count, 10, 300, from * 9_000, from * 100)) {
      stream.write(0, sample);
    }
  };
  const take = (keyFrameMs?: number) => rgbOfStream(stream, 416, { clock, pictures: { rgb } }, undefined, keyFrameMs);
  const first = take();
  await clock.advance(1_000);
  write(20);
  expect((await first).wallMs).toBe(1_900);
  write(100);
  expect(asked).toBe(1);
  const answered = take();
  expect(asked).toBe(2);
  await clock.advance(500);
  write(1, 200);
  expect((await answered).wallMs).toBe(20_000);
  write(100, 300);
  const unanswered = take();
  await clock.advance(2_000);
  // What can be decoded is three seconds after the key frame, and seven before the newest picture.
  expect((await unanswered).wallMs).toBe(32_900);
  const hurried = take(500);
  await clock.advance(500);
  expect((await hurried).wallMs).toBe(32_900);
  // A size that is not known may be 1080p.
  const sizeless = new Stream([{ ...tinyH264, width: 0, height: 0 }]);
  for (const sample of tinyVideo(30, 10, 300)) {
    sizeless.write(0, sample);
  }
  const large = rgbOfStream(sizeless, 416, { clock, pictures: { rgb } });
  await clock.advance(2_000);
  await large;
  sizeless.close();
  expect(tasks.map(({ coded }) => coded.samples.length)).toEqual([20, 1, 30, 30, 12]);
  expect(stream.readers).toEqual([]);
  stream.close();
});
