import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { PowerCutDisk } from '../../test/support/disks/power-cut-disk.ts';
import { openRecording, type ReadRecording } from '../../test/support/disks/read-recording.ts';
import {
  bootClockOf,
  feed,
  filesBelow,
  opusSound,
  opusTrack,
  record,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../../test/support/disks/recordings.ts';
import { mpegTs } from '../../test/support/media/audio-tracks.ts';
import { tinyH264, tinyVideo } from '../../test/support/media/tiny-h264.ts';
import type { Track } from '../media/sample/track.ts';
import { Stream } from '../stream/stream.ts';
import { readRecordingHead } from './file/recording-file.ts';
import { readRecordingTable } from './file/recording-table.ts';
import { HANGING_MS } from './write/flush.ts';

const runsOf = (file: ReadRecording, trackId: number) =>
  file.fragments.flatMap((fragment) => fragment.runs.filter((run) => run.trackId === trackId));
const countOf = (file: ReadRecording, trackId: number) =>
  runsOf(file, trackId).reduce((sum, run) => sum + run.count, 0);

test('files are cut at the first key frame after the segment duration, and nothing is lost between them', async () => {
  using folder = temporaryFolder();
  const names = await record(folder.path, 10, { segmentDurationMs: 2_500, sound: true });
  // The last 20 ms of audio have not ended when the key frame arrives, and begin the next file.
  const times = ['12-00-00-000000', '12-00-02-980000', '12-00-05-980000', '12-00-08-980000'];
  expect(names.map((name) => name.slice(-19))).toEqual(times.map((time) => `${time}.mp4`));
  const files = await Promise.all(names.map(openRecording));

  expect(files.map((file) => file.durationMs)).toEqual([3000, 3020, 3020, 1020]);
  expect(files.map((file) => runsOf(file, 1)[0]?.isSync(0))).toEqual([true, true, true, true]);
  expect(files.map((file) => runsOf(file, 1)[0]?.baseTime)).toEqual([0, 1800, 1800, 1800]);
  expect(files.map((file) => runsOf(file, 2)[0]?.baseTime)).toEqual([0, 0, 0, 0]);
  expect(files.reduce((sum, file) => sum + countOf(file, 1), 0)).toBe(100);
  expect(files.reduce((sum, file) => sum + countOf(file, 2), 0)).toBe(500);
  expect(files.map((file) => file.mark.segmentNumber)).toEqual([0, 1, 2, 3]);
  expect(new Set(files.map((file) => file.mark.streamId)).size).toBe(1);
  expect(files.map((file) => file.mark.dtsUs)).toEqual([10e6, 12.98e6, 15.98e6, 18.98e6]);
  expect(files.map((file) => file.mark.wallUs)).toEqual([0, 2.98, 5.98, 8.98].map((s) => (WALL + s * 1000) * 1000));
  expect(files.every((file) => file.tailBytes > 0)).toBe(true);
});

test('a part is written each part duration, has all tracks, and continues the previous one', async () => {
  using folder = temporaryFolder();
  const [name = ''] = await record(folder.path, 4, { partDurationMs: 500, sound: true });
  const file = await openRecording(name);
  const firstSequence = file.fileMark?.firstSequence ?? 0;
  expect(firstSequence).toBeGreaterThan(0);
  expect(file.fragments.map((fragment) => fragment.sequence)).toEqual(file.fragments.map((_, i) => firstSequence + i));
  expect(file.fragments.length).toBeGreaterThanOrEqual(8);
  for (const trackId of [1, 2]) {
    let end = 0;
    for (const run of runsOf(file, trackId)) {
      expect(run.baseTime).toBe(end);
      end += run.durationTicks;
    }
  }
});

test.for([['fmp4'], ['mpegts']] as const)(
  'a file that starts with the camera’s cache is labelled with the capture of its first frame (%s)',
  async ([format]) => {
    using folder = temporaryFolder();
    await using running = startRecorder(folder.path, { format });
    const wall = running.clock.wallMs() - 5_000;
    // Two seconds of pictures, with a key picture after one, come at the same moment: each seems to be captured just then.
    const kept = 20;
    const pictures = tinyVideo(50, 10, 10, 900_000);
    feed(running.stream, [pictures.map((sample, i) => ({ ...sample, wall: wall + 100 * Math.max(0, i - kept + 1) }))]);
    running.stream.close();
    await running.recorder.stop();
    const startUs = (wall - 1_900) * 1000;
    const [name = ''] = running.log.names;
    expect(running.log.names).toHaveLength(1);
    expect(name).toContain('2025-12-31_23-59-53-100000');
    expect(running.log.openedFiles.map((file) => file.startUs)).toEqual([startUs]);
    expect(running.log.finishedFiles.map((file) => file.startUs)).toEqual([startUs]);
    if (format === 'fmp4') {
      const { mark, fileMark } = await openRecording(name);
      expect(mark.wallUs).toBe(startUs);
      expect(bootClockOf(running.clock).monoUs() - (fileMark?.monoUs ?? 0)).toBe(6_900_000);
    }
  },
);

test('a file contains its boot, the monotonic time of its start, and the UTC offset', async () => {
  using folder = temporaryFolder();
  const zone = 'Asia/Kolkata';
  await using running = startRecorder(folder.path, { zone });
  const startWall = running.clock.wallMs() - 40;
  feed(running.stream, [tinyVideo(10, 10, 10, 0, startWall)]);
  running.stream.close();
  await running.recorder.stop();
  const { fileMark } = await openRecording(running.log.names[0] ?? '');
  const { bootId, monoUs } = bootClockOf(running.clock);
  expect(fileMark).toMatchObject({ bootId, isClockTrusted: true, offsetMinutes: 330, monoUs: monoUs() - 40_000 });
});

test('a finished file ends with a copy of its header, a sample table and a random access index', async () => {
  using folder = temporaryFolder();
  const [name = ''] = await record(folder.path, 3, { sound: true });
  const file = await openRecording(name);
  await using handle = await open(name);
  const head = await readRecordingHead(handle);
  expect(head.isFinished).toBe(true);
  expect(head.init.durationMs).toBe(0);
  const { table } = await readRecordingTable(handle, head);
  const offsets = table.tracks.map(({ trackId, sizes, count }) => [trackId, count, sizes.reduce((a, b) => a + b, 0)]);
  const walked = [1, 2].map((id) => [
    id,
    countOf(file, id),
    runsOf(file, id).reduce((sum, run) => sum + run.sizeBytes, 0),
  ]);
  expect(offsets).toEqual(walked);
  expect(table.fragmentCount).toBe(file.fragments.length);
});

test('the file times are those of its content', async () => {
  using folder = temporaryFolder();
  const [name = ''] = await record(folder.path, 3);
  const { atimeMs, mtimeMs } = statSync(name);
  expect([atimeMs, mtimeMs]).toEqual([WALL, WALL + 3_000]);
});

test('a part at its size limit is written early', async () => {
  using folder = temporaryFolder();
  const [name = ''] = await record(folder.path, 4, { maxPartBytes: 4_000 });
  expect((await openRecording(name)).fragments.length).toBeGreaterThan(4);
});

test('the parts of what is fetched hold whole groups of pictures: a power cut leaves no half one, which nobody would fetch', async () => {
  using folder = temporaryFolder();
  const [name = ''] = await record(folder.path, 12, { fetchedFrom: 'card', gop: 40, sound: true, maxPartBytes: 1_000 });
  const { fragments } = await openRecording(name);
  const lengths = fragments.map(({ runs }) => runs.find((run) => run.trackId === 1)?.count);
  expect(lengths).toEqual([40, 40, 40]);
});

test('samples before the first key frame are not recorded', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  feed(running.stream, [tinyVideo(20, 10, 10, 0, WALL).slice(5)]);
  running.stream.close();
  await running.recorder.stop();
  const file = await openRecording(running.log.finishedFiles[0]?.file ?? '');
  expect(countOf(file, 1)).toBe(10);
  expect(file.mark.wallUs).toBe((WALL + 1000) * 1000);
});

test('a file with a single frame is finished', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  feed(running.stream, [tinyVideo(1, 10, 10, 0, WALL)]);
  running.stream.close();
  await running.recorder.stop();
  expect((await openRecording(running.log.names[0] ?? '')).durationMs).toBe(1);
});

test("a recording that starts late contains the stream's cached GOP", async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  await running.recorder.stop();
  const video = tinyVideo(20, 10, 10, 0, WALL);
  feed(running.stream, [video.slice(0, 15)]);
  running.recorder.start(running.stream);
  feed(running.stream, [video.slice(15)]);
  await running.recorder.stop();
  expect(countOf(await openRecording(running.log.finishedFiles[0]?.file ?? ''), 1)).toBe(10);
  expect(running.recorder.state).toEqual({ kind: 'idle' });
});

test('audio that lags the video starts the file, so that no time is negative', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [tinyH264, opusTrack]);
  const sound = opusSound(100, 0, WALL - 200);
  feed(running.stream, [tinyVideo(20, 10, 10, 90_000 * 0.2, WALL), sound]);
  running.stream.close();
  await running.recorder.stop();
  const file = await openRecording(running.log.finishedFiles[0]?.file ?? '');
  expect(runsOf(file, 2)[0]?.baseTime).toBe(0);
  expect(runsOf(file, 1)[0]?.baseTime).toBeGreaterThan(0);
});

test.for([
  ['two seconds', 2],
  ['nine seconds', 9],
] as const)('audio that is %s ahead of the video is recorded with it, and nothing ends', async ([, aheadS]) => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [tinyH264, opusTrack]);
  // The audio is captured with the pictures, but its media time is ahead.
  feed(running.stream, [tinyVideo(30, 10, 10, 900_000, WALL + 100), opusSound(150, (10 + aheadS) * 48_000, WALL)]);
  running.stream.close();
  await running.recorder.stop();
  const [name = '', ...others] = running.log.names;
  const file = await openRecording(name);
  expect([others, runsOf(file, 1)[0]?.baseTime, countOf(file, 1)]).toEqual([[], 0, 30]);
  expect(runsOf(file, 2)[0]?.baseTime).toBe((aheadS + 0.08) * 48_000);
});

test('held audio far ahead of the video is left out, later audio is not', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [tinyH264, opusTrack]);
  const stray = opusSound(1, 3_600 * 48_000, WALL);
  feed(running.stream, [tinyVideo(20, 10, 10, 900_000, WALL + 10), [...stray, ...opusSound(90, 490_000, WALL + 20)]]);
  running.stream.close();
  await running.recorder.stop();
  const file = await openRecording(running.log.names[0] ?? '');
  expect([countOf(file, 1), countOf(file, 2)]).toEqual([20, 90]);
});

test('sound continues while the picture stands still for half a minute, in parts of the usual length', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, { segmentDurationMs: 60_000 }, [tinyH264, opusTrack]);
  const video = tinyVideo(600, 10, 10, 900_000, WALL).filter((_, i) => i < 100 || i >= 400);
  feed(running.stream, [video, opusSound(3_000, 480_000, WALL)]);
  running.stream.close();
  await running.recorder.stop();
  const [name = '', ...others] = running.log.names;
  const file = await openRecording(name);
  expect([others, file.durationMs, countOf(file, 1), countOf(file, 2)]).toEqual([[], 60_000, 300, 3_000]);
  const soundMs = runsOf(file, 2).map(({ durationTicks }) => durationTicks / 48);
  expect(Math.max(...soundMs)).toBeLessThanOrEqual(1_020);
  expect(running.recorder.dropped).toEqual({ 'slow disk': 0, 'late sample': 0, 'jumped timestamp': 0 });
});

test('while the picture stands still, sound with a wrong timestamp is dropped, later sound is not', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [tinyH264, opusTrack]);
  const sound = opusSound(1_500, 480_000, WALL);
  const stray = { ...sound[1_000], pts: 3_600 * 48_000, dts: 3_600 * 48_000 } as (typeof sound)[number];
  feed(running.stream, [
    tinyVideo(10, 10, 10, 900_000, WALL),
    [...sound.slice(0, 1_000), stray, ...sound.slice(1_001)],
  ]);
  running.stream.close();
  await running.recorder.stop();
  const file = await openRecording(running.log.names[0] ?? '');
  expect([file.durationMs, countOf(file, 2)]).toEqual([30_000, 1_499]);
  expect(running.recorder.dropped['jumped timestamp']).toBe(1);
});

test('sound whose clock runs twice as fast is dropped once it is ten seconds ahead of the pictures', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [tinyH264, opusTrack]);
  const fast = opusSound(1_500, 480_000, WALL).map((sample, i) => {
    const ticks = 480_000 + 2 * 960 * i;
    return { ...sample, pts: ticks, dts: ticks };
  });
  feed(running.stream, [tinyVideo(300, 10, 10, 900_000, WALL), fast]);
  running.stream.close();
  await running.recorder.stop();
  const file = await openRecording(running.log.names[0] ?? '');
  expect([countOf(file, 1), Math.round(countOf(file, 2) / 10)]).toEqual([300, 50]);
});

test('sound without pictures is recorded for an hour, and the file does not grow further', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, { segmentDurationMs: 20_000 }, [tinyH264, opusTrack]);
  const sound = opusSound(3_700 * 50, 480_000, WALL).filter((_, i) => i % 50 === 0);
  feed(running.stream, [tinyVideo(1, 10, 10, 900_000, WALL), sound]);
  running.stream.close();
  await running.recorder.stop();
  const file = await openRecording(running.log.names[0] ?? '');
  expect([file.durationMs, countOf(file, 2)]).toEqual([3_610_020, 3_611]);
  expect(running.recorder.dropped['jumped timestamp']).toBe(89);
});

test('changed parameter sets start a file that does not continue the previous one', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  const video = tinyVideo(20, 10, 10, 0, WALL);
  feed(running.stream, [video.slice(0, 10)]);
  running.stream.setTrack(0, { ...tinyH264, fps: 10 });
  feed(running.stream, [video.slice(10)]);
  running.stream.close();
  await running.recorder.stop();
  const files = await Promise.all(running.log.names.map(openRecording));
  expect(files.map((file) => countOf(file, 1))).toEqual([10, 10]);
  expect(files[0]?.mark.streamId).not.toBe(files[1]?.mark.streamId);
  expect(files[1]?.mark.segmentNumber).toBe(0);
});

test('a single wrong timestamp is dropped, a clock jump starts a file that does not continue the previous one', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  const video = tinyVideo(20, 10, 10, 900_000, WALL);
  const stray = { ...video[5], pts: 1e12, dts: 1e12 } as (typeof video)[number];
  const jumped = tinyVideo(20, 10, 10, 9e9, WALL + 2000);
  feed(running.stream, [[...video.slice(0, 5), stray, ...video.slice(6), ...jumped]]);
  running.stream.close();
  await running.recorder.stop();
  const files = await Promise.all(running.log.names.map(openRecording));
  expect(files.map((file) => file.durationMs)).toEqual([2000, 1000]);
  expect(files.map((file) => countOf(file, 1))).toEqual([19, 10]);
  expect(files[0]?.mark.streamId).not.toBe(files[1]?.mark.streamId);
  expect(running.recorder.dropped['jumped timestamp']).toBeGreaterThan(0);
});

test('a camera whose clock drifts gets a new file with the right time, and loses nothing', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  const slow = tinyVideo(600, 10, 10, 0, WALL).map((sample, i) => ({ ...sample, wall: WALL + i * 110 }));
  feed(running.stream, [slow]);
  running.stream.close();
  await running.recorder.stop();
  const files = await Promise.all(running.log.names.map(openRecording));
  expect(files.map((file) => countOf(file, 1))).toEqual([260, 260, 80]);
  expect(files.map((file) => file.mark.wallUs / 1000 - WALL)).toEqual([0, 28_600, 57_200]);
  expect(new Set(files.map((file) => file.mark.streamId)).size).toBe(1);
  expect(running.recorder.dropped['jumped timestamp']).toBe(0);
});

test('an existing file is never overwritten: the new one gets the next microsecond', async () => {
  using folder = temporaryFolder();
  const taken = join(folder.path, 'cam/2026-07-01_12-00-00-000000.mp4');
  mkdirSync(dirname(taken));
  writeFileSync(taken, 'precious');
  expect(await record(folder.path, 2)).toEqual([taken.replace('000000.mp4', '000001.mp4')]);
  expect(readFileSync(taken, 'utf8')).toBe('precious');
});

test('a file being written is complete up to its last part at any time', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  feed(running.stream, [tinyVideo(45, 10, 10, 0, WALL)]);
  await running.flush.flush();
  await expect.poll(() => running.recorder.state.kind).toBe('recording');
  await expect.poll(() => statSync(filesBelow(folder.path)[0] ?? '').size).toBeGreaterThan(10_000);
  const [name = ''] = filesBelow(folder.path);
  await expect.poll(async () => countOf(await openRecording(name), 1)).toBe(40);
  expect((await openRecording(name)).durationMs).toBe(0);
  expect(running.flush.isOpen(name)).toBe(true);
  await running.recorder.stop();
  expect(running.flush.isOpen(name)).toBe(false);
  expect(countOf(await openRecording(name), 1)).toBe(45);
});

test('a slow disk loses whole GOPs, and the file remains playable', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, { queueBytes: 6_000 });
  // All at once, so that the disk has no chance to take anything away.
  feed(running.stream, [tinyVideo(100, 10, 10, 0, WALL)]);
  running.stream.close();
  await running.recorder.stop();
  const file = await openRecording(running.log.finishedFiles[0]?.file ?? '');
  expect(running.recorder.dropped['slow disk']).toBeGreaterThan(0);
  expect(countOf(file, 1)).toBeLessThan(100);
  let end = 0;
  for (const run of runsOf(file, 1)) {
    expect(run.baseTime === end || run.isSync(0)).toBe(true);
    end = run.baseTime + run.durationTicks;
  }
});

test('a part larger than the queue is accepted when the queue is empty, also the first of a file', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, { queueBytes: 10 });
  feed(running.stream, [tinyVideo(11, 10, 10, 0, WALL)]);
  running.stream.close();
  await running.recorder.stop();
  expect(countOf(await openRecording(running.log.finishedFiles[0]?.file ?? ''), 1)).toBeGreaterThanOrEqual(10);
});

test('a folder that cannot be created is one clear state; the recorder retries and recovers by itself', async () => {
  using folder = temporaryFolder();
  const inTheWay = join(folder.path, 'cam');
  writeFileSync(inTheWay, 'a file where the folder should be');
  await using running = startRecorder(folder.path);
  const video = tinyVideo(60, 10, 10, 0, WALL);
  feed(running.stream, [video.slice(0, 15)]);
  await expect.poll(() => running.recorder.state.kind).toBe('failed');
  expect(running.recorder.state).toEqual({
    kind: 'failed',
    error: `cannot write recordings to ${inTheWay}: a file stands where a folder is needed: remove it or change recordPath`,
    why: 'disk',
    sinceMs: running.clock.wallMs(),
  });

  mkdirSync(join(folder.path, 'aside'));
  renameSync(inTheWay, join(folder.path, 'aside/kept'));
  feed(running.stream, [video.slice(15, 35)]);
  expect(running.recorder.state.kind).toBe('failed');
  await running.clock.advance(2_000);
  feed(running.stream, [video.slice(35)]);
  running.stream.close();
  await running.recorder.stop();
  expect(running.log.finishedFiles.map((segment) => segment.durationMs)).toEqual([2000]);
  expect(readFileSync(join(folder.path, 'aside/kept'), 'utf8')).toBe('a file where the folder should be');
});

test('a stream without a storable track is a state with its reason, and the next stream is recorded', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [mpegTs]);
  const error = 'nothing in this stream can be recorded: it has MPEG-TS';
  expect(running.recorder.state).toMatchObject({ kind: 'failed', error });
  const surround: Track = { kind: 'audio', codec: 'lpcm', clockRate: 48_000, bitDepth: 16, channels: 6 };
  const next = new Stream([surround, tinyH264]);
  running.recorder.start(next);
  for (const picture of tinyVideo(20, 10, 10, 0, WALL)) {
    next.write(1, picture);
    next.write(0, { ...picture, data: new Uint8Array(160) });
  }
  next.close();
  await running.recorder.stop();
  expect(running.recorder.state.kind).toBe('idle');
  const file = await openRecording(running.log.names[0] ?? '');
  expect([countOf(file, 1), countOf(file, 2)]).toEqual([20, 0]);
});

test('a hanging disk delays the end only until it is detected', async () => {
  const disk = new PowerCutDisk(6);
  const running = startRecorder('/rec', {}, [tinyH264], undefined, disk);
  feed(running.stream, [tinyVideo(30, 10, 10, 0, WALL)]);
  await expect.poll(() => running.recorder.state.kind).toBe('recording');
  await running.clock.advance(5_000);
  expect(disk.isOff).toBe(true);
  let isStopped = false;
  const stopped = running.recorder.stop().then(() => {
    isStopped = true;
  });
  await running.clock.advance(HANGING_MS - 1);
  expect(isStopped).toBe(false);
  await running.clock.advance(1);
  await stopped;
  await running.flush.close();
});
