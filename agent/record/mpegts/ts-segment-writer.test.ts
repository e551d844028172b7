import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  feed,
  opusSound,
  opusTrack,
  record,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../../../test/support/disks/recordings.ts';
import { ac3, mp3 } from '../../../test/support/media/audio-tracks.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { readTs } from '../../../test/support/media/ts-packets.ts';
import { START_TICKS } from '../../media/mpegts/mux/mux.ts';
import type { Sample } from '../../media/sample/sample.ts';
import { SlabPool } from '../../media/sample/slab.ts';
import type { G711Track } from '../../media/sample/track.ts';
import { readTsHead } from './ts-recording-file.ts';

const g711: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8_000, channels: 1 };

const headOf = async (file: string) => {
  await using handle = await open(file);
  return await readTsHead(handle);
};
const timesOf = (file: string, pid: number) =>
  readTs(readFileSync(file))
    .units.filter((unit) => unit.pid === pid)
    .map(({ dts }) => dts - START_TICKS);

test('files are cut at key frames, and nothing is lost between them', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 10, { segmentDurationMs: 2_500, sound: true, format: 'mpegts' });
  expect(files.map((file) => file.slice(-18))).toEqual(
    ['12-00-00-000000', '12-00-02-980000', '12-00-05-980000', '12-00-08-980000'].map((time) => `${time}.ts`),
  );
  const contents = files.map((file) => readTs(readFileSync(file)));
  const count = (pid: number) =>
    contents.reduce((sum, { units }) => sum + units.filter((unit) => unit.pid === pid).length, 0);
  expect([count(0x100), count(0x101)]).toEqual([100, 500]);
  const firstPictures = contents.map(({ units }) => units.find(({ pid }) => pid === 0x100));
  expect(firstPictures.every((unit) => unit?.isRandomAccess)).toBe(true);
});

test('each file’s times start at its own start, with audio and video on one scale', async () => {
  using folder = temporaryFolder();
  const [, file = ''] = await record(folder.path, 6, { segmentDurationMs: 2_500, sound: true, format: 'mpegts' });
  expect(timesOf(file, 0x100).slice(0, 2)).toEqual([1800, 10_800]);
  expect(timesOf(file, 0x101).slice(0, 2)).toEqual([0, 1800]);
});

test('samples of all tracks are in order of time, at part boundaries except for one frame', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 3, { sound: true, format: 'mpegts' });
  const { units } = readTs(readFileSync(file));
  const lags = units.map(({ dts }, i) => Math.max(...units.slice(0, i + 1).map((before) => before.dts)) - dts);
  expect(Math.max(...lags)).toBeLessThanOrEqual(9000);
  expect(lags.filter((lag) => lag > 0).length).toBeLessThanOrEqual(3);
});

test('a file contains its origin, its number in the stream and its duration', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 6, { segmentDurationMs: 2_500, format: 'mpegts' });
  const [first, second] = await Promise.all(files.map(headOf));
  expect(first).toMatchObject({ isFinished: true, durationMs: 3000, mark: { segmentNumber: 0, wallUs: WALL * 1000 } });
  expect(first?.fileMark).toMatchObject({ bootId: '0123456789abcdef0123456789abcdef' });
  expect(second?.mark).toMatchObject({ segmentNumber: 1, streamId: first?.mark?.streamId });
  expect(second?.fileMark?.firstSequence).not.toBe(first?.fileMark?.firstSequence);
});

test('a file that is being written can be read up to its last part', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, { format: 'mpegts' });
  feed(running.stream, [tinyVideo(35, 10, 10, 0, WALL)]);
  await running.flush.flush();
  await expect.poll(() => running.log.openedFiles.length).toBe(1);
  const file = running.log.openedFiles[0]?.file ?? '';
  await expect.poll(async () => (await headOf(file)).durationMs).toBe(3000);
  expect((await headOf(file)).isFinished).toBe(false);
  expect(timesOf(file, 0x100)).toHaveLength(30);
});

test('audio that MPEG-TS cannot hold is left out, and nothing is recorded without other tracks', async () => {
  using folder = temporaryFolder();
  const silence = Array.from({ length: 50 }, (_, i): Sample => {
    return { pts: i * 160, dts: i * 160, wall: WALL + i * 20, key: true, data: new Uint8Array(160) };
  });
  {
    await using running = startRecorder(folder.path, { format: 'mpegts' }, [tinyH264, g711, opusTrack]);
    feed(running.stream, [tinyVideo(10, 10, 10, 0, WALL), silence, opusSound(50, 0, WALL)]);
    running.stream.close();
    await running.recorder.stop();
    const { streams } = readTs(readFileSync(running.log.names[0] ?? ''));
    expect([...streams.values()].map(({ type }) => type)).toEqual([0x1b, 0x06]);
  }
  await using nothing = startRecorder(folder.path, { format: 'mpegts' }, [g711]);
  expect(nothing.recorder.state).toMatchObject({
    kind: 'failed',
    error: 'nothing in this stream can be recorded: it has G711',
  });
});

test('audio alone is recorded, with the clock in it', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, { format: 'mpegts' }, [mp3, ac3]);
  const frames = (ticks: number, ms: number) =>
    Array.from({ length: 100 }, (_, i): Sample => {
      return { pts: i * ticks, dts: i * ticks, wall: WALL + i * ms, key: true, data: new Uint8Array(417).fill(i) };
    });
  feed(running.stream, [frames(2351, 26.122), frames(1536, 32)]);
  running.stream.close();
  await running.recorder.stop();
  const { units, pcrs, clockPid } = readTs(readFileSync(running.log.names[0] ?? ''));
  expect(units).toHaveLength(200);
  expect(clockPid).toBe(0x100);
  const gaps = pcrs.slice(1).map(({ value }, i) => value - (pcrs[i]?.value ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(9000);
});

test('a slow disk leaves a stream without a break, from the next key frame on', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, { format: 'mpegts', queueBytes: 12_000 });
  // The file is not open yet when the second part arrives, and the queue has no room for it.
  const video = tinyVideo(60, 10, 10, 0, WALL);
  feed(running.stream, [video.slice(0, 25)]);
  await expect.poll(() => running.log.openedFiles.length).toBe(1);
  feed(running.stream, [video.slice(25)]);
  running.stream.close();
  await running.recorder.stop();
  expect(running.recorder.dropped['slow disk']).toBeGreaterThan(0);
  const { units } = readTs(readFileSync(running.log.names[0] ?? ''));
  expect(units.length).toBeLessThan(60);
  expect(units.length).toBeGreaterThan(9);
});

test('sample memory is released when the bytes are in the part', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, { format: 'mpegts' });
  const pool = new SlabPool();
  const slabs = new Set<ArrayBufferLike>();
  for (const picture of tinyVideo(300, 10, 10, 0, WALL)) {
    const slab = pool.take(8192);
    slabs.add(slab.buffer);
    slab.set(picture.data);
    running.stream.write(0, { ...picture, data: slab.subarray(0, picture.data.length) });
  }
  // A group that the stream keeps and a part that is collected are held; all before is used again.
  expect(slabs.size).toBeLessThan(60);
  running.stream.close();
  await running.recorder.stop();
  expect(timesOf(running.log.names[0] ?? '', 0x100)).toHaveLength(300);
});
