import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { openPlayback } from '../../../test/support/harness/playback.ts';
import { FragmentWalk, readInit } from '../../record/file/fragment-walk.ts';

interface Asked {
  readonly fromMs: number;
  readonly seconds: number;
  readonly isSkipping?: boolean;
}

/** When each picture of an answer is shown, in seconds. */
async function picturesOf(folder: string, { fromMs, seconds, isSkipping = true }: Asked): Promise<number[]> {
  await using playback = openPlayback(folder);
  const times = { startUs: (WALL + fromMs) * 1000, durationUs: seconds * 1e6 };
  const { file } = await playback.get({ path: 'cam', ...times, format: 'fmp4', skipsGaps: isSkipping });
  const name = join(folder, 'answer');
  writeFileSync(name, await buffer(file.read(0, file.sizeBytes)));
  await using handle = await open(name);
  const init = await readInit(handle, file.sizeBytes);
  const walk = new FragmentWalk(handle, init, file.sizeBytes);
  const shown: number[] = [];
  for (let placed = await walk.next(); placed; placed = await walk.next()) {
    for (const run of placed.fragment.runs.filter(({ trackId }) => trackId === 1)) {
      let time = run.baseTime;
      for (const duration of run.durations) {
        shown.push(Math.round((100 * time) / (init.tracks[0]?.timescale ?? 1)) / 100);
        time += duration;
      }
    }
  }
  return shown;
}

const tenths = (count: number): number[] => Array.from({ length: count }, (_, i) => i / 10);

/** Two seconds, eight of nothing, two seconds, and the same again. */
async function recordWithGaps(folder: string): Promise<void> {
  for (const sinceMs of [0, 10_000, 20_000]) {
    await record(folder, 2, { wall: WALL + sinceMs });
  }
}

test('a skipped gap is followed at once, otherwise the download ends there', async () => {
  using folder = temporaryFolder();
  await recordWithGaps(folder.path);
  expect(await picturesOf(folder.path, { fromMs: 0, seconds: 60 })).toEqual(tenths(60));
  expect(await picturesOf(folder.path, { fromMs: 0, seconds: 60, isSkipping: false })).toEqual(tenths(20));
});

test('a download that skips gaps ends at the requested time of the recordings', async () => {
  using folder = temporaryFolder();
  await recordWithGaps(folder.path);
  expect(await picturesOf(folder.path, { fromMs: 1_000, seconds: 10 })).toEqual(tenths(20));
});

test('a download that starts in a gap begins after it', async () => {
  using folder = temporaryFolder();
  await recordWithGaps(folder.path);
  expect(await picturesOf(folder.path, { fromMs: 5_000, seconds: 6 })).toEqual(tenths(10));
  expect(await picturesOf(folder.path, { fromMs: 5_000, seconds: 60 })).toEqual(tenths(40));
});
