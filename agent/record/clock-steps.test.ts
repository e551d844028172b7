import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { openRecording } from '../../test/support/disks/read-recording.ts';
import {
  bootClockOf,
  feed,
  filesBelow,
  opusSound,
  opusTrack,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../../test/support/disks/recordings.ts';
import { tinyH264, tinyVideo } from '../../test/support/media/tiny-h264.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { RecorderOptions } from './recorder.ts';

const HOUR_MS = 3_600_000;

/** The wall clock is set by this much before sample number `from`. */
const steppedAt = (samples: readonly Sample[], from: number, byMs: number): Sample[] =>
  samples.map((sample, i) => (i < from ? sample : { ...sample, wall: sample.wall + byMs }));

/** Records pictures (10 a second, a key picture each second) as given. @returns the files in the order of their start */
async function filesOf(
  folder: string,
  samples: readonly Sample[],
  options: Partial<RecorderOptions> = {},
  atSample: Readonly<Record<number, 'discontinuity'>> = {},
) {
  await using running = startRecorder(folder, options);
  for (const [i, sample] of samples.entries()) {
    if (atSample[i]) {
      running.stream.markDiscontinuity(0);
    }
    running.stream.write(0, sample);
  }
  running.stream.close();
  await running.recorder.stop();
  const files = await Promise.all(filesBelow(folder).map(openRecording));
  expect(running.recorder.dropped).toEqual({ 'slow disk': 0, 'late sample': 0, 'jumped timestamp': 0 });
  return files.sort((a, b) => a.mark.dtsUs - b.mark.dtsUs);
}

test.for([
  ['three hours ahead', 3 * HOUR_MS],
  ['three hours back', -3 * HOUR_MS],
  ['from 1970 to today', 56 * 365 * 24 * HOUR_MS],
  ['two seconds back', -2_000],
] as const)(
  'when the wall clock is set %s, the next key frame starts a file with the new time, and no frame is lost',
  async ([, byMs]) => {
    using folder = temporaryFolder();
    const files = await filesOf(folder.path, steppedAt(tinyVideo(100, 10, 10, 0, WALL), 34, byMs));
    expect(files.map((file) => file.pictures)).toEqual([40, 60]);
    expect(files.map((file) => file.durationMs)).toEqual([4_000, 6_000]);
    expect(files.map((file) => file.mark.wallUs / 1000 - WALL)).toEqual([0, 4_000 + byMs]);
    expect(files[0]?.mark.streamId).not.toBe(files[1]?.mark.streamId);
  },
);

test('a correction of less than a second starts no file', async () => {
  using folder = temporaryFolder();
  const files = await filesOf(folder.path, steppedAt(tinyVideo(100, 10, 10, 0, WALL), 34, -900));
  expect(files.map((file) => file.pictures)).toEqual([100]);
});

test('a camera that is silent for a minute does not affect the clock', async () => {
  using folder = temporaryFolder();
  const [before, after] = [tinyVideo(30, 10, 10, 0, WALL), tinyVideo(30, 10, 10, 63 * 90_000, WALL + 63_000)];
  const files = await filesOf(folder.path, [...before, ...after]);
  expect(files.map((file) => file.pictures)).toEqual([60]);
});

test('with a clock set back while recording, two files of the same second have different names', async () => {
  using folder = temporaryFolder();
  const options = { recordPath: `${folder.path}/%path/%Y-%m-%d_%H-%M-%S` };
  const files = await filesOf(folder.path, steppedAt(tinyVideo(80, 10, 10, 0, WALL), 35, -4_000), options);
  expect(files.map((file) => file.pictures)).toEqual([40, 40]);
  expect(files.map((file) => file.mark.wallUs / 1000)).toEqual([WALL, WALL]);
  expect(filesBelow(folder.path).map((file) => basename(file))).toEqual([
    '2026-07-01_12-00-00.mp4',
    '2026-07-01_12-00-01.mp4',
  ]);
});

test('audio from right before the clock was set does not give its old time to the file', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [tinyH264, opusTrack]);
  const video = steppedAt(tinyVideo(40, 10, 10, 9_000, WALL + 100), 20, HOUR_MS);
  // Each packet of audio arrives just before the picture of its time, so the one before the first picture with the new time has the old time.
  const sound = steppedAt(opusSound(40 * 5, 0, WALL), 105, HOUR_MS);
  for (const [i, picture] of video.entries()) {
    for (const packet of sound.slice(i * 5, i * 5 + 5)) {
      running.stream.write(1, packet);
    }
    running.stream.write(0, picture);
  }
  running.stream.close();
  await running.recorder.stop();
  const files = await Promise.all(filesBelow(folder.path).map(openRecording));
  expect(files.map((file) => file.pictures)).toEqual([20, 20]);
  expect(files.map((file) => file.mark.wallUs / 1000 - WALL)).toEqual([80, 2_080 + HOUR_MS]);
});

test("a jump of the camera's clock starts a file that does not continue the previous one, and loses nothing", async () => {
  using folder = temporaryFolder();
  const files = await filesOf(folder.path, tinyVideo(300, 10, 10, 0, WALL), {}, { 155: 'discontinuity' });
  expect(files.map((file) => file.pictures)).toEqual([160, 140]);
  expect(files[0]?.mark.streamId).not.toBe(files[1]?.mark.streamId);
  expect(files.map((file) => file.mark.wallUs / 1000 - WALL)).toEqual([0, 16_000]);
});

test('a camera whose clock jumps constantly does not fill the disk with small files', async () => {
  using folder = temporaryFolder();
  const jumps = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [i * 10 + 5, 'discontinuity' as const]));
  const files = await filesOf(folder.path, tinyVideo(300, 10, 10, 0, WALL), {}, jumps);
  expect(files.map((file) => file.pictures)).toEqual([100, 100, 100]);
  expect(new Set(files.map((file) => file.mark.streamId)).size).toBe(3);
});

test('a jump in audio alone starts no file', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [tinyH264, opusTrack]);
  feed(running.stream, [tinyVideo(150, 10, 10, 0, WALL), opusSound(750, 0, WALL)]);
  running.stream.markDiscontinuity(1);
  feed(running.stream, [tinyVideo(50, 10, 10, 15 * 90_000, WALL + 15_000)]);
  running.stream.close();
  await running.recorder.stop();
  expect(filesBelow(folder.path)).toHaveLength(1);
});

test('a file that starts with frames kept from before the clock was set does not claim a trusted clock', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  const { clock, stream, recorder } = running;
  await recorder.stop();
  clock.stepWall(WALL - clock.wallMs());
  feed(stream, [tinyVideo(10, 10, 20, 0, WALL - 3 * HOUR_MS - 900)]);
  recorder.start(stream);
  await recorder.stop();
  const [file = ''] = filesBelow(folder.path);
  const { monoUs } = bootClockOf(clock);
  expect((await openRecording(file)).fileMark).toMatchObject({ isClockTrusted: false, monoUs: monoUs() });
});

test('a file that starts with kept frames has the capture time of the first one, on both clocks', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  const { clock, stream, recorder } = running;
  await recorder.stop();
  clock.stepWall(WALL - clock.wallMs());
  feed(stream, [tinyVideo(10, 10, 20, 0, WALL - 900)]);
  recorder.start(stream);
  await recorder.stop();
  const [file = ''] = filesBelow(folder.path);
  const { mark, fileMark } = await openRecording(file);
  expect(mark.wallUs).toBe((WALL - 900) * 1000);
  expect(fileMark).toMatchObject({ isClockTrusted: true, monoUs: bootClockOf(clock).monoUs() - 900_000 });
});
