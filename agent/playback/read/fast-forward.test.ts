import { readFileSync, rmSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
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
import { readSamples } from '../../../test/support/disks/vod.ts';
import { openPlayback } from '../../../test/support/harness/playback.ts';
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
