import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRecording } from '../../../test/support/disks/read-recording.ts';
import {
  feed,
  opusSound,
  opusTrack,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../../../test/support/disks/recordings.ts';
import { getBytes, openPlayback } from '../../../test/support/harness/playback.ts';
import { readPlainMp4 } from '../../../test/support/media/read-mp4.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';

const FORMATS = ['fmp4', 'mp4'] as const;

/** Records five pictures, 15 s apart, and sound. @param gop pictures from one key picture to the next */
async function recordSlowly(folder: string, gop: number): Promise<void> {
  await using running = startRecorder(folder, {}, [tinyH264, opusTrack]);
  feed(running.stream, [tinyVideo(5, 1 / 15, gop, 900_000, WALL), opusSound(75 * 50, 480_000, WALL)]);
  running.stream.close();
  await running.recorder.stop();
}

interface Shown {
  /** Seconds from the start of the answer. */
  readonly at: number;
  readonly duration: number;
}

const rounded = (ticks: number, hz: number): number => Math.round((100 * ticks) / hz) / 100;

/** The samples of an answer that a player shows: those that end after its start. */
async function shownIn(folder: string, fromMs: number, seconds: number, format: (typeof FORMATS)[number]) {
  await using playback = openPlayback(folder);
  const bytes = await getBytes(playback, fromMs, seconds, format);
  const name = join(folder, 'answer');
  writeFileSync(name, bytes);
  const runs = format === 'mp4' ? [] : (await openRecording(name)).fragments.flatMap((fragment) => fragment.runs);
  const plain = format === 'mp4' ? readPlainMp4(bytes) : undefined;
  const of = (trackId: number, hz: number): Shown[] => {
    const samples = plain?.get(trackId)?.map(({ decodeTime, duration }) => ({ time: decodeTime, duration }));
    const found = runs.flatMap(({ trackId: id, baseTime, durations }) => {
      const ends = [...durations].map((_, i) => durations.slice(0, i + 1).reduce((sum, one) => sum + one, baseTime));
      const placed = [...durations].map((duration, i) => ({ time: (ends[i] ?? 0) - duration, duration }));
      return id === trackId ? placed : [];
    });
    return (samples ?? found)
      .map(({ time, duration }) => ({ at: rounded(time, hz), duration: rounded(duration, hz) }))
      .filter(({ at, duration }) => at + duration > 0 && duration > 0);
  };
  return { pictures: of(1, 90_000), sounds: of(2, 48_000) };
}

for (const format of FORMATS) {
  test.for([
    ['a key picture', 1],
    ['another picture', 5],
  ] as const)(`between two pictures that are 15 s apart the first one, %s, is shown: ${format}`, async ([, gop]) => {
    using folder = temporaryFolder();
    await recordSlowly(folder.path, gop);
    const { pictures, sounds } = await shownIn(folder.path, 20_000, 5, format);
    // In fragments, pictures that are decoded only take some ticks.
    expect(pictures.at(-1)?.at).toBeLessThanOrEqual(0.02);
    expect(pictures.reduce((sum, { duration }) => sum + duration, 0)).toBe(10);
    expect([sounds[0]?.at, sounds.length]).toEqual([0, 250]);
  });

  test(`a picture that has stood still is followed by the next one at its time: ${format}`, async () => {
    using folder = temporaryFolder();
    await recordSlowly(folder.path, 1);
    const { pictures, sounds } = await shownIn(folder.path, 20_000, 20, format);
    expect(pictures).toEqual([
      { at: 0, duration: 10 },
      { at: 10, duration: 15 },
    ]);
    expect([sounds[0]?.at, sounds.length]).toEqual([0, 1_000]);
  });

  test(`the last picture is shown until its end: ${format}`, async () => {
    using folder = temporaryFolder();
    await recordSlowly(folder.path, 1);
    expect((await shownIn(folder.path, 70_000, 60, format)).pictures).toEqual([{ at: 0, duration: 5 }]);
  });

  test(`the picture before the next key picture is left out if it is shown for less than a second: ${format}`, async () => {
    using folder = temporaryFolder();
    await recordSlowly(folder.path, 1);
    expect((await shownIn(folder.path, 14_500, 10, format)).pictures).toEqual([{ at: 0.5, duration: 15 }]);
  });

  test(`it is shown if nothing else is asked for: ${format}`, async () => {
    using folder = temporaryFolder();
    await recordSlowly(folder.path, 1);
    expect((await shownIn(folder.path, 14_500, 0.2, format)).pictures).toEqual([{ at: 0, duration: 0.5 }]);
  });
}
