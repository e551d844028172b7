import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Playback } from '../../../agent/playback/playback.ts';
import { parseRfc3339 } from '../../../agent/playback/read/rfc3339.ts';
import { FragmentWalk, readInit } from '../../../agent/record/file/fragment-walk.ts';
import { readRecordingHead } from '../../../agent/record/file/recording-file.ts';
import { readRecordingTable } from '../../../agent/record/file/recording-table.ts';
import { keepLogLines } from '../base/log-lines.ts';
import { MemoryFile } from './memory-file.ts';
import { keyOf, type PowerCut, STREAM_SECONDS } from './power-cut.ts';
import type { PowerCutDisk } from './power-cut-disk.ts';
import { temporaryFolder } from './recordings.ts';

/** How far apart answers of the same recording may begin by rounding. */
const ROUNDING_SECONDS = 0.002;

/** Results of listing and playback on a disk. */
export interface Played {
  /** Samples of all answers, by track and by time in the stream. */
  readonly samples: ReadonlyMap<string, Buffer>;
  /** Files without a whole part. */
  readonly leftOut: number;
  /** Its fault, in a few words. */
  readonly faults: readonly string[];
}

/** Lists all that is on a disk and plays it, as Perch does after a start. */
export async function playAll(disk: PowerCutDisk, cut: PowerCut): Promise<Played> {
  using folder = temporaryFolder();
  for (const [name, { bytes }] of disk.files) {
    const file = join(folder.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  const { log, logged } = keepLogLines();
  const recordPath = join(folder.path, 'rec/%path/%Y-%m-%d_%H-%M-%S-%f');
  const playback = new Playback({
    ...{ file: join(folder.path, 'segments.db'), zone: 'UTC', logger: log },
    paths: {
      recordPathOf: () => ({ recordPath, format: 'fmp4' }),
      recordPaths: () => [recordPath],
      hasRecorded: () => false,
    },
  });
  try {
    await playback.rebuild(new AbortController().signal);
    const samples = new Map<string, Buffer>();
    const faults: string[] = [];
    for (const { start, duration } of await playback.list('cam', undefined, undefined, '').catch(() => [])) {
      const startUs = parseRfc3339(start)?.us ?? 0;
      for (const [key, data] of await samplesOf(playback, startUs, duration, cut)) {
        samples.set(key, data);
      }
    }
    const madeUp = [...samples].filter(([key, data]) => !data.equals(cut.recorded.get(key) ?? Buffer.alloc(0)));
    faults.push(
      ...madeUp.slice(0, 1).map(([key]) => `${madeUp.length} samples are served that were not recorded, ${key} first`),
    );
    const left = await leftOut(disk);
    const named = playback.unreadable().files.map(({ file }) => file.slice(folder.path.length));
    const warned = left.filter(
      (file) =>
        logged.filter(([level, , facts]) => level === 'warn' && JSON.stringify(facts).includes(file)).length === 1,
    );
    if (named.sort().join() !== left.join() || warned.length !== left.length) {
      faults.push(`left out ${left.join()}, named ${named.join()}, warned of ${warned.join()}`);
    }
    return { samples, faults, leftOut: left.length };
  } finally {
    await playback.close();
  }
}

/** Files without a complete part, found independently of the index. */
async function leftOut(disk: PowerCutDisk): Promise<string[]> {
  const left: string[] = [];
  for (const [name, { bytes }] of disk.files) {
    const file = new MemoryFile(bytes);
    const head = await readRecordingHead(file).catch(() => undefined);
    const table = head && (await readRecordingTable(file, head)).table;
    if (!table || table.fragmentCount === 0) {
      left.push(name);
    }
  }
  return left.sort();
}

async function samplesOf(
  playback: Playback,
  startUs: number,
  seconds: number,
  cut: PowerCut,
): Promise<Map<string, Buffer>> {
  const samples = new Map<string, Buffer>();
  const durationUs = Math.max(1, Math.round(seconds * 1e6));
  const answer = await playback.get({ path: 'cam', startUs, durationUs, format: 'fmp4' }).catch(() => undefined);
  if (!answer) {
    return samples;
  }
  const bytes = await buffer(answer.file.read(0, answer.file.sizeBytes));
  const file = new MemoryFile(bytes);
  const init = await readInit(file, bytes.length);
  const walk = new FragmentWalk(file, init, bytes.length);
  const startSeconds = STREAM_SECONDS + (startUs / 1000 - cut.startMs) / 1000;
  for (let placed = await walk.next(); placed; placed = await walk.next()) {
    for (const { trackId, baseTime, durations, sizes, dataOffset } of placed.fragment.runs) {
      const timescale = init.tracks.find(({ id }) => id === trackId)?.timescale ?? 1;
      let [time, at] = [baseTime, placed.offset + dataOffset];
      for (let i = 0; i < sizes.length; i += 1) {
        const key = nearestKey(cut, trackId, startSeconds + time / timescale);
        samples.set(key, bytes.subarray(at, at + (sizes[i] ?? 0)));
        time += durations[i] ?? 0;
        at += sizes[i] ?? 0;
      }
    }
  }
  return samples;
}

/** The key of the sample recorded at about that time; the time itself if none was. */
function nearestKey({ recorded }: PowerCut, trackId: number, seconds: number): string {
  for (const off of [0, -ROUNDING_SECONDS / 2, ROUNDING_SECONDS / 2, -ROUNDING_SECONDS, ROUNDING_SECONDS]) {
    const key = keyOf(trackId, seconds + off);
    if (recorded.has(key)) {
      return key;
    }
  }
  return keyOf(trackId, seconds);
}
