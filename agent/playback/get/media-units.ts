import { trackOfEntry } from '../../media/mp4/read/entry-track.ts';
import { endOfRun, offsetOf, runOf, timeOf } from '../../media/mp4/table/sample-search.ts';
import type { TrackSamples } from '../../media/mp4/table/sample-table.ts';
import type { Track } from '../../media/sample/track.ts';
import { unlessFileFault } from '../../record/file/disk-fault.ts';
import type { ReadableFile } from '../../record/file/segment-fs.ts';
import type { Catalog } from '../index/catalog.ts';
import type { UsRange } from '../index/hidden-ranges.ts';
import { cutFile, type TrackCut, WHOLE } from '../read/cut.ts';
import { openRecording, readFully } from '../read/range-stream.ts';
import { recordedFile } from '../read/slice.ts';
import type { TableCache, Tabled } from '../read/table-cache.ts';
import { MAX_OVERLAP_US, requireAvailable } from '../vod/recording-lookup.ts';
import {
  endingAt,
  isJoined,
  MIN_GAP_US,
  rowsOf,
  type VisiblePart,
  visibleParts,
  withoutRepeats,
} from './visible-parts.ts';

/** Bytes per read of a track, but at least one sample. */
const CHUNK_BYTES = 256 << 10;
/** The newest files that are tried for the tracks of a path: one may be damaged, or have no sample yet. */
const FILES_TRIED = 8;

/** One access unit or audio frame of a recording. Times are Unix microseconds, not rounded. */
export interface MediaUnit {
  /** The same object for all units of a file's track. */
  readonly track: Track;
  readonly dtsUs: number;
  readonly ptsUs: number;
  readonly durationUs: number;
  readonly key: boolean;
  /** The same object for all units of a file's visible part. */
  readonly part: MediaPart;
  /** As `Sample.data`. */
  readonly data: Uint8Array;
}

export interface MediaPart {
  /** Time that is missing before it; negative: the clock was set back; 0: it continues what precedes it. */
  readonly gapUs: number;
}

export interface MediaRange {
  readonly path: string;
  /** Unix microseconds. Units before it are those that decoders need. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Of video, key frames alone. */
  readonly isKeysOnly?: boolean;
  readonly signal: AbortSignal;
  /** Asked once for each track of a file. */
  wants(track: Track): boolean;
}

/**
 * The units of all tracks in the order of their decode times, across gaps and files; those of a file that cannot be read are missing.
 * Reads as far as the units are taken. @throws PerchError if all recordings of the range are on a missing disk
 */
export async function* mediaUnits(catalog: Catalog, tables: TableCache, range: MediaRange): AsyncGenerator<MediaUnit> {
  const { path, fromUs, toUs, signal } = range;
  await catalog.refresh(path, fromUs - MAX_OVERLAP_US, toUs);
  requireAvailable(catalog, path, fromUs, toUs);
  const rows = rowsOf(catalog, { path, startUs: fromUs, durationUs: toUs - fromUs });
  let before: VisiblePart | undefined;
  for (const part of withoutRepeats(visibleParts(catalog.index.hidden.of(path), rows))) {
    signal.throwIfAborted();
    if (part.endUs <= fromUs) {
      continue;
    }
    const gapUs = before && !isJoined(before, part) ? part.startUs - before.endUs : 0;
    try {
      const hidden = () => catalog.index.hidden.of(path);
      const endUs = yield* unitsOf(
        await tables.of(part.row, signal),
        part,
        { gapUs: Math.abs(gapUs) < MIN_GAP_US ? 0 : gapUs },
        range,
        hidden,
      );
      if (endUs !== undefined) {
        before = endUs < part.endUs ? endingAt(part, endUs) : part;
      }
    } catch (error) {
      signal.throwIfAborted();
      unlessFileFault(error);
    }
  }
}

/** Tracks of the newest readable recording; none: there is no recording. */
export async function newestTracks(catalog: Catalog, tables: TableCache, path: string): Promise<readonly Track[]> {
  await catalog.refresh(path, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  for (const row of catalog.index.newest(path, FILES_TRIED)) {
    try {
      const { head, table } = await tables.of(row);
      const tracks = head.init.tracks.flatMap((entry) => trackOfEntry(entry) ?? []);
      if (tracks.length > 0 && table.tracks.some(({ count }) => count > 0)) {
        return tracks;
      }
    } catch (error) {
      unlessFileFault(error);
    }
  }
  return [];
}

/**
 * What is deleted meanwhile is left out, up to the next key frame after it.
 * @param hidden the deleted ranges, as they are now
 * @returns where it has ended; undefined: all of it was deleted
 */
async function* unitsOf(
  tabled: Tabled,
  visible: VisiblePart,
  first: MediaPart,
  { fromUs, toUs, isKeysOnly = false, signal, wants }: MediaRange,
  hidden: () => readonly UsRange[],
): AsyncGenerator<MediaUnit, number | undefined> {
  const { row, window } = visible;
  const deletedIn = deletions(visible, hidden);
  let part = first;
  let hasSent = false;
  let sentUs: number | undefined;
  const cut = cutFile(tabled, (row.startUs - fromUs) / 1e6, (toUs - fromUs) / 1e6, window);
  const cursors = cut.tracks.flatMap((one) => {
    const track = one.to > one.from ? trackOfEntry(one.track) : undefined;
    return track && wants(track) ? [new UnitCursor(one, track, row.startUs, isKeysOnly)] : [];
  });
  if (cursors.length === 0) {
    return visible.endUs;
  }
  const handle = await openRecording(recordedFile(tabled));
  try {
    for (let cursor = firstOf(cursors); cursor; cursor = firstOf(cursors)) {
      const deleted = deletedIn(cursor.dtsUs);
      if (deleted) {
        part = { gapUs: (hasSent ? 0 : part.gapUs) + deleted.endUs - cursor.dtsUs };
        hasSent = false;
        for (const one of cursors) {
          one.skipTo(deleted.endUs);
        }
        continue;
      }
      const unit = await cursor.take(handle, tabled.file, part);
      signal.throwIfAborted();
      hasSent = true;
      sentUs = unit.dtsUs + unit.durationUs;
      yield unit;
    }
    return hasSent ? visible.endUs : sentUs;
  } finally {
    await handle.close();
  }
}

/** Finds the range at a time of a visible part that was deleted since its window was chosen. */
function deletions(
  { startUs, endUs, window }: VisiblePart,
  hidden: () => readonly UsRange[],
): (us: number) => UsRange | undefined {
  const lastUs = window.to === WHOLE.to ? Number.POSITIVE_INFINITY : endUs;
  let known: readonly UsRange[] = [];
  let deleted: readonly UsRange[] = [];
  return (us) => {
    const now = hidden();
    if (now !== known) {
      known = now;
      deleted = now.filter((range) => range.startUs < lastUs && range.endUs > startUs);
    }
    // By rounding, the first unit may be a fraction before its window.
    return us < startUs ? undefined : deleted.find((range) => us >= range.startUs && us < range.endUs);
  };
}

/** The one whose next unit is decoded first; undefined: all are at their end. */
function firstOf(cursors: readonly UnitCursor[]): UnitCursor | undefined {
  let first: UnitCursor | undefined;
  for (const cursor of cursors) {
    if (!cursor.isAtEnd && (!first || cursor.dtsUs < first.dtsUs)) {
      first = cursor;
    }
  }
  return first;
}

/** Walks the selected samples of one track, and reads them in chunks. */
class UnitCursor {
  readonly #track: Track;
  readonly #samples: TrackSamples;
  readonly #timescale: number;
  readonly #startUs: number;
  readonly #end: number;
  readonly #isKeysOnly: boolean;
  /** The next sample, its run, its place in the file, and its decode time. */
  #at: number;
  #run: number;
  #offset: number;
  #ticks: number;
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkOffset = 0;

  constructor(
    { track: { timescale }, samples, from, to }: TrackCut,
    track: Track,
    startUs: number,
    isKeysOnly: boolean,
  ) {
    this.#track = track;
    this.#samples = samples;
    this.#timescale = timescale;
    this.#startUs = startUs;
    this.#end = to;
    this.#isKeysOnly = isKeysOnly && track.kind === 'video';
    this.#at = from;
    this.#run = runOf(samples, from);
    this.#offset = offsetOf(samples, from);
    this.#ticks = timeOf(samples, from);
    this.#skip();
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  get dtsUs(): number {
    return this.#usOf(this.#ticks);
  }

  async take(handle: ReadableFile, file: string, part: MediaPart): Promise<MediaUnit> {
    const { sizes, durations, compositionOffsets, syncs } = this.#samples;
    const at = this.#at;
    const size = sizes[at] as number;
    if (this.#offset < this.#chunkOffset || this.#offset + size > this.#chunkOffset + this.#chunk.length) {
      await this.#read(handle, file);
    }
    const start = this.#offset - this.#chunkOffset;
    const unit = {
      track: this.#track,
      dtsUs: this.dtsUs,
      ptsUs: this.#usOf(this.#ticks + (compositionOffsets?.[at] ?? 0)),
      durationUs: ((durations[at] as number) / this.#timescale) * 1e6,
      key: syncs[at] === 1,
      part,
      data: this.#chunk.subarray(start, start + size),
    };
    this.#advance();
    this.#skip();
    return unit;
  }

  /** Goes on to a key frame at or after this time. */
  skipTo(us: number): void {
    while (!this.isAtEnd && (this.dtsUs < us || this.#samples.syncs[this.#at] !== 1)) {
      this.#advance();
    }
  }

  #usOf(ticks: number): number {
    return this.#startUs + (ticks / this.#timescale) * 1e6;
  }

  /** Reads this sample and those that follow it in the file. */
  async #read(handle: ReadableFile, file: string): Promise<void> {
    const { sizes } = this.#samples;
    const end = Math.min(this.#end, endOfRun(this.#samples, this.#run));
    let bytes = sizes[this.#at] as number;
    for (let next = this.#at + 1; !this.#isKeysOnly && next < end; next += 1) {
      const size = sizes[next] as number;
      if (bytes + size > CHUNK_BYTES) {
        break;
      }
      bytes += size;
    }
    // A new one for each read: units that were taken keep the former one.
    const chunk = Buffer.allocUnsafeSlow(bytes);
    await readFully(handle, chunk, this.#offset, file);
    this.#chunk = chunk;
    this.#chunkOffset = this.#offset;
  }

  #advance(): void {
    const { sizes, durations, runs } = this.#samples;
    this.#offset += sizes[this.#at] as number;
    this.#ticks += durations[this.#at] as number;
    this.#at += 1;
    if (this.#run + 1 < runs.count && this.#at === runs.firstSamples[this.#run + 1]) {
      this.#run += 1;
      this.#offset = runs.dataOffsets[this.#run] as number;
      this.#ticks = runs.baseTimes[this.#run] as number;
    }
  }

  /** Goes on to a key frame if only those are wanted. */
  #skip(): void {
    while (this.#isKeysOnly && !this.isAtEnd && this.#samples.syncs[this.#at] !== 1) {
      this.#advance();
    }
  }
}
