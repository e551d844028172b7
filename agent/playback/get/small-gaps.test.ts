import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRecording } from '../../../test/support/disks/read-recording.ts';
import { feed, record, startRecorder, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { getBytes, openPlayback } from '../../../test/support/harness/playback.ts';
import { readPlainMp4 } from '../../../test/support/media/read-mp4.ts';
import { tinyVideo } from '../../../test/support/media/tiny-h264.ts';

/** The tracks of video and audio: ticks per second, and ticks from one sample to the next. */
const TRACKS = [
  { id: 1, clockRateHz: 90_000, tickCount: 9_000 },
  { id: 2, clockRateHz: 48_000, tickCount: 960 },
] as const;

/** Two recordings of two seconds each, of different streams, with this gap between them. */
async function recordTwo(folder: string, gapMs: number): Promise<void> {
  for (const wall of [WALL, WALL + 2_000 + gapMs]) {
    await record(folder, 2, { wall, sound: true });
  }
}

/** Decode times of the samples of a track in seconds, in both forms of an answer. */
async function timesOf(folder: string, id: 1 | 2, format: 'fmp4' | 'mp4', fromMs = 0): Promise<number[]> {
  const { clockRateHz } = TRACKS[id - 1] as (typeof TRACKS)[number];
  await using playback = openPlayback(folder);
  const bytes = await getBytes(playback, fromMs, 60, format);
  if (format === 'mp4') {
    return (readPlainMp4(bytes).get(id) ?? []).map(({ decodeTime }) => decodeTime / clockRateHz);
  }
  const name = join(folder, 'answer');
  writeFileSync(name, bytes);
  const { fragments } = await openRecording(name);
  const runs = fragments.flatMap((fragment) => fragment.runs.filter(({ trackId }) => trackId === id));
  return runs.flatMap(({ baseTime, durations }) => {
    let time = baseTime;
    return [...durations].map((duration) => {
      time += duration;
      return (time - duration) / clockRateHz;
    });
  });
}

const placesOf = (startSeconds: number, id: 1 | 2): number[] => {
  const { clockRateHz, tickCount } = TRACKS[id - 1] as (typeof TRACKS)[number];
  return Array.from({ length: (2 * clockRateHz) / tickCount }, (_, i) => startSeconds + (i * tickCount) / clockRateHz);
};

for (const format of ['fmp4', 'mp4'] as const) {
  test.for([20, 600, 980])(`a gap of %i ms is skipped, and video and audio stay in sync: ${format}`, async (gapMs) => {
    using folder = temporaryFolder();
    await recordTwo(folder.path, gapMs);
    for (const { id } of TRACKS) {
      const times = await timesOf(folder.path, id, format);
      const wanted = [...placesOf(0, id), ...placesOf(2 + gapMs / 1000, id)];
      expect(times.length).toBe(wanted.length);
      expect(times.map((time, i) => Math.abs(time - (wanted[i] ?? 0))).filter((off) => off > 0.001)).toEqual([]);
    }
  });

  test.for([-20, -600])(`recordings that overlap by %i ms follow each other: ${format}`, async (gapMs) => {
    using folder = temporaryFolder();
    await recordTwo(folder.path, gapMs);
    for (const { id } of TRACKS) {
      const times = await timesOf(folder.path, id, format);
      expect(times.length).toBe(2 * placesOf(0, id).length);
      expect(times.filter((time, i) => i > 0 && time <= (times[i - 1] ?? 0))).toEqual([]);
    }
    expect((await timesOf(folder.path, 1, format)).at(20)).toBeCloseTo(
      (await timesOf(folder.path, 2, format)).at(100) ?? 0,
      2,
    );
  });

  test(`a gap of a second ends an answer, and the period after it can be requested: ${format}`, async () => {
    using folder = temporaryFolder();
    await recordTwo(folder.path, 1_000);
    expect(await timesOf(folder.path, 1, format)).toHaveLength(20);
    expect(await timesOf(folder.path, 1, format, 3_000)).toHaveLength(20);
  });

  test(`a recording that was set back by a clock is not cut by the next one: ${format}`, async () => {
    using folder = temporaryFolder();
    await recordTwo(folder.path, -1_500);
    expect(await timesOf(folder.path, 1, format)).toHaveLength(20);
  });

  test(`a recorder that starts again has recorded its last pictures twice: they are sent once: ${format}`, async () => {
    using folder = temporaryFolder();
    await using running = startRecorder(folder.path);
    const wall = running.clock.wallMs();
    const pictures = tinyVideo(60, 10, 20, 900_000, wall);
    feed(running.stream, [pictures.slice(0, 36)]);
    await running.recorder.stop();
    running.recorder.start(running.stream);
    feed(running.stream, [pictures.slice(36)]);
    running.stream.close();
    await running.recorder.stop();
    expect(running.log.names).toHaveLength(2);
    const times = await timesOf(folder.path, 1, format, wall - WALL);
    expect(times.map((time) => Math.round(time * 1000))).toEqual(pictures.map((_, i) => 100 * i));
  });

  test(`a recorder that has recorded nothing new yet does not end an answer: ${format}`, async () => {
    using folder = temporaryFolder();
    await using running = startRecorder(folder.path);
    const wall = running.clock.wallMs();
    feed(running.stream, [tinyVideo(36, 10, 20, 900_000, wall)]);
    await running.recorder.stop();
    running.recorder.start(running.stream);
    running.stream.close();
    await running.recorder.stop();
    expect(running.log.names).toHaveLength(2);
    await using playback = openPlayback(folder.path);
    const { end } = await playback.get({ path: 'cam', startUs: wall * 1000, durationUs: 60e6, format });
    expect(end).toBeUndefined();
    expect(await timesOf(folder.path, 1, format, wall - WALL)).toHaveLength(36);
  });
}
