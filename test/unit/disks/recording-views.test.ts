import { mkdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recoverFile } from '../../../agent/record/recovery/recovery.ts';
import { byLength } from '../../peers/programs/peers.ts';
import { random } from '../../support/base/random.ts';
import { disagreements, viewsOf } from '../../support/disks/recording-views.ts';
import { record, temporaryFolder, WALL } from '../../support/disks/recordings.ts';
import { LATER } from '../../support/disks/unfinished-clips.ts';
import { openPlayback } from '../../support/harness/playback.ts';

const SEEDS = byLength(60, 1_500);
const TOLERANCE_SECONDS = 0.12;

/** What happens to a recording; each changes the file or the time of the next one. */
const FATES = ['normal', 'cut', 'hole', 'holes', 'no header', 'empty', 'foreign', 'without end'] as const;
/** Seconds from the end of a recording to the next one. */
const GAPS = [0, 0.3, 5, -1.5, -30, 3_600] as const;

const nameOf = (folder: string, wallMs: number, extension: string): string => {
  const [day, time = ''] = new Date(wallMs).toISOString().split('T');
  const micros = `${String(Math.round(wallMs) % 1000).padStart(3, '0')}000`;
  return join(folder, `cam/${day}_${time.slice(0, 8).replaceAll(':', '-')}-${micros}.${extension}`);
};

/** @returns what was made, for the message */
async function makeFolder(
  folder: string,
  seed: number,
): Promise<{ readonly files: string[]; readonly made: string[] }> {
  const next = random(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;
  const [files, made]: [string[], string[]] = [[], []];
  mkdirSync(join(folder, 'cam'));
  let wall = WALL;
  for (let i = 1 + Math.floor(next() * 4); i > 0; i -= 1) {
    const format = pick(['fmp4', 'fmp4', 'mpegts'] as const);
    const fate = pick(FATES);
    const seconds = 2 + Math.floor(next() * 5);
    if (fate === 'foreign') {
      const file = nameOf(folder, wall, format === 'fmp4' ? 'mp4' : 'ts');
      writeFileSync(file, Buffer.from(Array.from({ length: 3_000 }, () => next() * 256)));
      files.push(file);
    } else {
      const options = {
        format,
        gop: pick([10, 20, 25]),
        sound: next() < 0.5,
        wall,
        segmentDurationMs: pick([3_000, 60_000]),
      };
      const names = await record(folder, seconds, options);
      files.push(...names);
      spoil(pick(names), fate, next);
    }
    const gap = pick(GAPS);
    made.push(`${format} ${fate} ${seconds} s, then ${gap} s`);
    wall += (seconds + gap) * 1000;
  }
  return { files, made };
}

function spoil(file: string, fate: (typeof FATES)[number], next: () => number): void {
  const bytes = readFileSync(file);
  const { length } = bytes;
  if (fate === 'normal') {
    return;
  }
  // As it is while it is written: without the end, and without a duration.
  const end = file.endsWith('.ts') ? length - 188 : bytes.indexOf('uuid', bytes.lastIndexOf('moof')) - 4;
  const left = Buffer.from(bytes.subarray(0, end > 0 ? end : length));
  const duration = left.indexOf('mvhd');
  if (!file.endsWith('.ts') && duration > 0) {
    left.writeUInt32BE(0, duration + 4 + 16);
  }
  const holes = fate === 'hole' ? 1 : fate === 'holes' ? 3 : 0;
  for (let i = 0; i < holes; i += 1) {
    const at = 4_096 * Math.floor((next() * left.length) / 4_096);
    left.fill(0, at, Math.min(left.length, at + 4_096));
  }
  if (fate === 'no header') {
    left.fill(0, 0, Math.min(left.length, 4_096));
  }
  writeFileSync(file, fate === 'empty' ? '' : left);
  if (fate === 'cut') {
    truncateSync(file, Math.floor(next() * left.length));
  }
  const settled = Date.now() / 1000 - 600;
  utimesSync(file, settled, settled);
}

test(`all views of generated folders agree, before and after recovery: ${SEEDS} folders`, {
  timeout: 600_000,
}, async () => {
  const faults: string[] = [];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    using folder = temporaryFolder();
    const { files, made } = await makeFolder(folder.path, seed);
    await using playback = openPlayback(folder.path);
    for (const when of ['before', 'after'] as const) {
      if (when === 'after') {
        for (const file of files) {
          await recoverFile(file, LATER);
        }
      }
      const views = await viewsOf(playback, 'cam', WALL * 1000);
      // An unfinished file lacks its last segment in playlists.
      const seen = disagreements(when === 'before' ? { ...views, hls: views.list } : views, TOLERANCE_SECONDS);
      faults.push(...seen.map((fault) => `seed ${seed} (${made.join('; ')}), ${when} recovery: ${fault}`));
    }
  }
  expect(faults.slice(0, 12)).toEqual([]);
});
