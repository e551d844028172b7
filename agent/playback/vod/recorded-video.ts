import { trackOfEntry } from '../../media/mp4/read/entry-track.ts';
import { parseInit } from '../../media/mp4/read/read.ts';
import { endOfRun, firstFrom, runOf, syncUpTo } from '../../media/mp4/table/sample-search.ts';
import type { Track } from '../../media/sample/track.ts';
import { unlessFileFault } from '../../record/file/disk-fault.ts';
import { isFetchedBoot } from '../../record/file/file-mark.ts';
import { isCopyFile } from '../../record/store/recording-copies.ts';
import { playedTable } from '../read/played-table.ts';
import { openRecording, readFully } from '../read/range-stream.ts';
import { recordedFile } from '../read/slice.ts';
import type { TableCache, Tabled } from '../read/table-cache.ts';
import type { RowOfRecording } from './recorded-period.ts';

/** Bytes per read, but at least one sample. */
const CHUNK_BYTES = 1 << 20;

/** Consecutive samples of a recording's video, in decode order. */
export interface RecordedSamples {
  /** The same object for all samples of a file. */
  readonly track: Track;
  /** Decode times, Unix microseconds. */
  readonly timesUs: readonly number[];
  readonly data: readonly Uint8Array[];
  /** They came from the card of a camera, or from a recorder. */
  readonly isFetched: boolean;
}

export interface VideoRange {
  /** Unix microseconds. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly signal: AbortSignal;
  /** Asked before each reading. @returns false: the rest of the file is left out */
  wants(track: Track): boolean;
}

/** The video of recordings on the disks, from the key frame before the range on. Files that cannot be read are left out. */
export async function* recordedVideo(
  rows: Iterable<RowOfRecording>,
  tables: TableCache,
  range: VideoRange,
): AsyncGenerator<RecordedSamples, void> {
  const { signal } = range;
  for (const row of rows) {
    signal.throwIfAborted();
    if (isCopyFile(row.file)) {
      continue;
    }
    try {
      yield* videoOf(await tables.of(row, signal), row.startUs, range);
    } catch (error) {
      signal.throwIfAborted();
      unlessFileFault(error);
    }
  }
}

async function* videoOf(
  tabled: Tabled,
  startUs: number,
  { fromUs, toUs, signal, wants }: VideoRange,
): AsyncGenerator<RecordedSamples, void> {
  const entry = parseInit(tabled.head.init.bytes)?.tracks.find(({ kind }) => kind === 'video');
  const track = entry && trackOfEntry(entry);
  const samples = playedTable(tabled).tracks.find(({ trackId }) => trackId === entry?.id);
  if (!entry || !track || !samples || samples.count === 0) {
    return;
  }
  const isFetched = isFetchedBoot(tabled.head.fileMark?.bootId);
  const ticksAt = (us: number): number => ((us - startUs) / 1e6) * entry.timescale;
  const end = firstFrom(samples, ticksAt(toUs));
  let at = syncUpTo(samples, firstFrom(samples, ticksAt(fromUs))) ?? 0;
  const handle = await openRecording(recordedFile(tabled));
  try {
    for (let run = runOf(samples, at); at < end; run += 1) {
      let offset = samples.runs.dataOffsets[run] as number;
      let ticks = samples.runs.baseTimes[run] as number;
      for (let before = samples.runs.firstSamples[run] as number; before < at; before += 1) {
        offset += samples.sizes[before] as number;
        ticks += samples.durations[before] as number;
      }
      const runEnd = Math.min(end, endOfRun(samples, run));
      while (at < runEnd) {
        if (!wants(track)) {
          return;
        }
        const timesUs: number[] = [];
        const first = at;
        let bytes = 0;
        while (at < runEnd && (bytes === 0 || bytes + (samples.sizes[at] as number) <= CHUNK_BYTES)) {
          timesUs.push(startUs + (ticks / entry.timescale) * 1e6);
          bytes += samples.sizes[at] as number;
          ticks += samples.durations[at] as number;
          at += 1;
        }
        const chunk = Buffer.allocUnsafeSlow(bytes);
        await readFully(handle, chunk, offset, tabled.file);
        signal.throwIfAborted();
        offset += bytes;
        let place = 0;
        const data = timesUs.map((_, i) => {
          place += samples.sizes[first + i] as number;
          return chunk.subarray(place - (samples.sizes[first + i] as number), place);
        });
        yield { track, timesUs, data, isFetched };
      }
    }
  } finally {
    await handle.close();
  }
}
