import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { record, temporaryFolder, WALL } from '../../test/support/disks/recordings.ts';
import { openPlayback } from '../../test/support/harness/playback.ts';

const range = (fromMs: number, toMs: number) => ({
  path: 'cam',
  startUs: (WALL + fromMs) * 1000,
  endUs: (WALL + toMs) * 1000,
});

test('a range has the share of each file and the recorded time without gaps', async () => {
  using folder = temporaryFolder();
  const [first = ''] = await record(folder.path, 4);
  const [second = ''] = await record(folder.path, 4, { wall: WALL + 10_000 });
  await using playback = openPlayback(folder.path);
  const [a, b] = [statSync(first).size, statSync(second).size];
  expect(await playback.measure(range(2_000, 11_000))).toEqual({
    bytes: Math.round(a / 2 + b / 4),
    recordedUs: 3_000_000,
    firstUs: (WALL + 2_000) * 1000,
  });
  expect(await playback.measure(range(-9_000, 99_000))).toEqual({
    bytes: a + b,
    recordedUs: 8_000_000,
    firstUs: WALL * 1000,
  });
});

test('a range without recordings has no size, and neither has a path without any', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 2);
  await using playback = openPlayback(folder.path);
  const none = { bytes: 0, recordedUs: 0, firstUs: undefined };
  expect(await playback.measure(range(5_000, 9_000))).toEqual(none);
  expect(await playback.measure({ ...range(0, 9_000), path: 'attic' })).toEqual(none);
});
