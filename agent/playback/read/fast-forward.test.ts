import { readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import {
  feed,
  opusSound,
  opusTrack,
  record,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../../../test/support/disks/recordings.ts';
import { hashOf, readSamples } from '../../../test/support/disks/vod.ts';
import { openPlayback } from '../../../test/support/harness/playback.ts';
import { readPlainMp4 } from '../../../test/support/media/read-mp4.ts';
import type { Download } from '../get/download.ts';
import type { GetFormat } from './query.ts';

const query = (fromMs: number, seconds: number, speed: number, format: GetFormat = 'fmp4') => ({
  path: 'cam',
  startUs: (WALL + fromMs) * 1000,
  durationUs: seconds * 1e6,
  format,
  speed,
});

test.for([2, 4, 8, 16])(
  'at %s times the speed every key frame is shown for a fraction of its time, without audio',
  async (speed) => {
    using folder = temporaryFolder();
    const files = await record(folder.path, 40, { segmentDurationMs: 10_000, sound: true });
    await using playback = openPlayback(folder.path);
    const { file } = await playback.get(query(0, 60, speed));
    const samples = await readSamples(folder.path, await buffer(file.read(0, file.sizeBytes)));
    expect(samples).toHaveLength(40);
    expect(samples.every((sample) => sample.isSync && sample.trackId === 1)).toBe(true);
    samples.forEach(({ time, duration }, i) => {
      expect(Math.abs(time - (i * 90_000) / speed)).toBeLessThanOrEqual(1);
      expect(time + duration).toBe(samples[i + 1]?.time ?? (40 * 90_000) / speed);
    });
    const all = (await Promise.all(files.map((name) => readSamples(folder.path, readFileSync(name))))).flat();
    expect(samples.map(({ data }) => data)).toEqual(
      all.filter((s) => s.trackId === 1 && s.isSync).map(({ data }) => data),
    );
  },
);

test('a start within a GOP shows its key frame first, for the rest of the GOP', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 20, { gop: 20 });
  await using playback = openPlayback(folder.path);
  const { file } = await playback.get(query(5_000, 10, 8));
  const samples = await readSamples(folder.path, await buffer(file.read(0, file.sizeBytes)));
  const seconds = samples.map(({ time, duration }) => [(time * 8) / 90_000, (duration * 8) / 90_000]);
  expect(seconds).toEqual([
    [0, 1],
    [1, 2],
    [3, 2],
    [5, 2],
    [7, 2],
    [9, 1],
  ]);
});

test('ranges of a fast download match the full file, in both formats, with their own tags', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 20, { sound: true });
  await using playback = openPlayback(folder.path);
  const tags = new Set<string>();
  for (const format of ['fmp4', 'mp4'] as const) {
    for (const speed of [8, 16]) {
      const { file, etag } = await playback.get(query(3_300, 9, speed, format));
      tags.add(etag);
      const whole = await buffer(file.read(0, file.sizeBytes));
      expect(whole.length).toBe(file.sizeBytes);
      const middle = file.sizeBytes >> 1;
      expect(await buffer(file.read(middle - 100, middle + 100))).toEqual(whole.subarray(middle - 100, middle + 100));
    }
  }
  expect(tags.size).toBe(4);
});

interface Picture {
  readonly time: number;
  readonly data: string;
}

async function picturesOf(folder: string, { file }: Download, format: GetFormat): Promise<readonly Picture[]> {
  const bytes = await buffer(file.read(0, file.sizeBytes));
  if (format === 'fmp4') {
    return readSamples(folder, bytes);
  }
  const samples = readPlainMp4(bytes).get(1) ?? [];
  return samples.map(({ decodeTime, data }) => ({
    time: decodeTime,
    data: hashOf(data),
  }));
}

/** Times in 30ths of a second. */
const gridOf = (pictures: readonly Picture[]): number[] => pictures.map(({ time }) => time / 3000);

test.for(['mp4', 'fmp4'] as const)(
  'a time-lapse as %s has 30 pictures a second, each the first key frame of its time, across files',
  async (format) => {
    using folder = temporaryFolder();
    const files = await record(folder.path, 130, { segmentDurationMs: 7_000, sound: true });
    await using playback = openPlayback(folder.path);
    const samples = await picturesOf(folder.path, await playback.get(query(0, 130, 60, format)), format);
    expect(gridOf(samples)).toEqual(Array.from({ length: 65 }, (_, i) => i));
    const all = (await Promise.all(files.map((name) => readSamples(folder.path, readFileSync(name))))).flat();
    const keys = all.filter(({ trackId, isSync }) => trackId === 1 && isSync);
    expect(samples.map(({ data }) => data)).toEqual(keys.filter((_, i) => i % 2 === 0).map(({ data }) => data));
  },
);

test('where key frames are rarer than pictures each stays until the next, so that the time is right', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 40, { gop: 50 });
  await using playback = openPlayback(folder.path);
  const download = await playback.get(query(0, 40, 30, 'mp4'));
  expect(gridOf(await picturesOf(folder.path, download, 'mp4'))).toEqual([0, 5, 10, 15, 20, 25, 30, 35]);
});

test('a time-lapse leaves out gaps and continues when only the audio has changed', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 60, { sound: true });
  await record(folder.path, 60, { wall: WALL + 600_000 });
  await using playback = openPlayback(folder.path);
  const wanted = { ...query(0, 900, 60, 'mp4'), skipsGaps: true };
  const download = await playback.get(wanted);
  expect(download.end).toBeUndefined();
  expect(gridOf(await picturesOf(folder.path, download, 'mp4'))).toEqual(Array.from({ length: 60 }, (_, i) => i));
});

test('a time-lapse reads its key frames and little more', async () => {
  using folder = temporaryFolder();
  const [name = ''] = await record(folder.path, 600, { sound: true });
  await using playback = openPlayback(folder.path);
  const { file } = await playback.get(query(0, 600, 1440, 'mp4'));
  const probe = await open(name, 'r');
  const read = vi.spyOn(Object.getPrototypeOf(probe), 'read');
  await probe.close();
  try {
    const { length } = await buffer(file.read(0, file.sizeBytes));
    const readBytes = read.mock.calls.reduce((sum, [, , bytes]) => sum + Number(bytes), 0);
    expect(length).toBe(file.sizeBytes);
    expect(readBytes).toBeLessThan(2 * file.sizeBytes);
  } finally {
    read.mockRestore();
  }
});

test('audio alone cannot be played fast, and the response says why', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [opusTrack]);
  feed(running.stream, [opusSound(250, 0, WALL)]);
  running.stream.close();
  await running.recorder.stop();
  await using playback = openPlayback(folder.path);
  await expect(playback.get(query(0, 10, 8))).rejects.toMatchObject({
    code: 'notFound',
    message: 'speed needs video, and this recording has none',
  });
});

test('without video fast playback has nothing to play', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  rmSync(file);
  await using playback = openPlayback(folder.path);
  await expect(playback.get(query(0, 10, 8))).rejects.toThrow('no recording segments found');
});
