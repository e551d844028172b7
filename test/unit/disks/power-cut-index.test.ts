import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { byLength } from '../../peers/programs/peers.ts';
import { random } from '../../support/base/random.ts';
import { record, temporaryFolder, WALL } from '../../support/disks/recordings.ts';
import { openPlayback } from '../../support/harness/playback.ts';

/** Each seed is a moment of the cut and a choice of what the disk has kept of the index. */
const SEEDS = byLength(60, 2_000);
const PAGE_BYTES = 4_096;
const SUFFIXES = ['', '-wal', '-shm'];
const HOURS = 8;

/** Content of a file that was never flushed: nothing, its first bytes, pages of zeros, or all. */
function remains(bytes: Buffer, next: () => number): Buffer | undefined {
  const fate = next();
  if (fate < 0.15) {
    return undefined;
  }
  const left = Buffer.from(fate < 0.4 ? bytes.subarray(0, Math.floor(next() * bytes.length)) : bytes);
  const zeros = next() < 0.5 ? 0 : next();
  for (let page = 0; page < left.length; page += PAGE_BYTES) {
    if (next() < zeros) {
      left.fill(0, page, Math.min(left.length, page + PAGE_BYTES));
    }
  }
  return left;
}

test(`after a power cut on a young index all recordings are listed: ${SEEDS} cuts`, async () => {
  using folder = temporaryFolder();
  const index = join(folder.path, 'index/segments.db');
  mkdirSync(join(folder.path, 'index'));
  // The index after each of its first commits, with its content on the disk then.
  const moments: Map<string, Buffer>[] = [];
  {
    await using playback = openPlayback(folder.path, index);
    for (let hour = 0; hour < HOURS; hour += 1) {
      await record(folder.path, 1, { wall: WALL + hour * 3_600_000, path: hour % 2 === 0 ? 'cam' : 'gate' });
      await playback.list('cam', undefined, undefined, '');
      playback.commit();
      moments.push(
        new Map(
          SUFFIXES.map((suffix) => [
            suffix,
            existsSync(index + suffix) ? readFileSync(index + suffix) : Buffer.alloc(0),
          ]),
        ),
      );
    }
  }
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const next = random(seed);
    const moment = moments[Math.floor(next() * moments.length)] as Map<string, Buffer>;
    for (const [suffix, bytes] of moment) {
      rmSync(index + suffix, { force: true });
      const left = remains(bytes, next);
      if (left) {
        writeFileSync(index + suffix, left);
      }
    }
    await using playback = openPlayback(folder.path, index);
    await playback.checkNewest(new AbortController().signal);
    await playback.rebuild(new AbortController().signal);
    for (const [path, first] of [
      ['cam', 0],
      ['gate', 1],
    ] as const) {
      const starts = (await playback.list(path, undefined, undefined, '')).map(
        ({ start }) => (Date.parse(start) - WALL) / 3_600_000,
      );
      expect([seed, path, starts]).toEqual([seed, path, Array.from({ length: HOURS / 2 }, (_, i) => first + 2 * i)]);
    }
    expect(playback.unreadable().count).toBe(0);
  }
}, 600_000);
