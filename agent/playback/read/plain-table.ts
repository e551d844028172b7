import { PerchError } from '../../base/errors.ts';
import { fourcc } from '../../media/mp4/box/boxes.ts';
import { type BoxLocation, boxAt, viewOf } from '../../media/mp4/box/walk.ts';
import { trackOfEntry } from '../../media/mp4/read/entry-track.ts';
import { MAX_MOOV_BYTES, parseInit } from '../../media/mp4/read/read.ts';
import { FragmentRun } from '../../media/mp4/read/read-runs.ts';
import type { SampleList } from '../../media/mp4/read/sample-list.ts';
import { editedSpan, readSampleTable, tablesOf } from '../../media/mp4/read/sample-table.ts';
import { type SampleTable, SampleTableBuilder } from '../../media/mp4/table/sample-table.ts';
import { writeInit } from '../../media/mp4/write/init.ts';
import type { Track } from '../../media/sample/track.ts';
import type { FileInit } from '../../record/file/fragment-walk.ts';

const MOOV = fourcc('moov');
const AUDIO_FRAGMENT_SECONDS = 2;
/** ISO/IEC 14496-12 §8.8.3.1. */
const NON_SYNC = 0x1_0000;

/** Presentation of the file starts at this time in the table: samples that are decoded before it have times, too. */
export const PLAIN_ZERO_SECONDS = 10;

/** How many bytes of a plain MP4 file hold its tables, or undefined if unknown from these. @throws PerchError badInput */
export function plainHeadBytes(bytes: Uint8Array): number | undefined {
  const end = moovIn(bytes)?.end;
  if (end !== undefined && end > MAX_MOOV_BYTES) {
    throw new PerchError('badInput', `MP4 header of ${end} bytes, at most ${MAX_MOOV_BYTES}`);
  }
  return end;
}

/**
 * Converts the tables of a plain MP4 file to those of a recording: what Perch would have written with these tracks and
 * samples, without headers of fragments, which the file does not have.
 * @param head its first `plainHeadBytes`
 * @throws PerchError
 */
export function readPlainTable(
  head: Uint8Array,
  fileBytes: number,
): { readonly init: FileInit; readonly table: SampleTable } {
  const movie = parseInit(head);
  const moov = moovIn(head);
  if (!movie || !moov) {
    throw new PerchError('badInput', "MP4 file without 'moov'");
  }
  const lists: PlainTrack[] = [];
  for (const one of movie.tracks.slice(0, 8)) {
    const track = trackOfEntry(one);
    if (!track || track.clockRate !== one.timescale) {
      throw new PerchError('unsupported', `MP4 track with ${one.codec} and a time scale of ${one.timescale}`);
    }
    const tables = tablesOf(head.subarray(moov.start, moov.end), one);
    const { startTicks, emptyTicks } = editedSpan(tables, one.timescale, movie.movieTimescale);
    const shiftTicks = Math.round(emptyTicks - startTicks) + PLAIN_ZERO_SECONDS * one.timescale;
    lists.push(new PlainTrack(track, readSampleTable(tables), shiftTicks, fileBytes));
  }
  const bytes = writeInit(lists.map(({ track }) => track));
  const init = parseInit(bytes);
  if (!init || lists.length === 0) {
    throw new PerchError('badInput', 'MP4 file without tracks');
  }
  return { init: { ...init, bytes }, table: tableOf(lists) };
}

function moovIn(bytes: Uint8Array): BoxLocation | undefined {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; ) {
    const top = boxAt(view, at, bytes.length);
    if (!top || top.type === MOOV) {
      return top;
    }
    at = top.end;
  }
  return undefined;
}

/** A track while its samples are put into fragments. */
class PlainTrack {
  readonly track: Track;
  readonly #samples: SampleList;
  readonly #shiftTicks: number;
  /** Index of the next sample. */
  #next = 0;

  constructor(track: Track, samples: SampleList, shiftTicks: number, fileBytes: number) {
    this.track = track;
    this.#samples = samples;
    this.#shiftTicks = shiftTicks;
    for (let i = 0; i < samples.count; i += 1) {
      const [size, offset] = [samples.sizes[i] as number, samples.offsets[i] as number];
      if (size > 16 << 20 || offset + size > fileBytes) {
        throw new PerchError('badInput', `MP4 sample of ${size} bytes at ${offset} in a file of ${fileBytes} bytes`);
      }
    }
    if (samples.count > 0 && !(this.#ticksOf(0) >= 0 && Number.isSafeInteger(this.#ticksOf(samples.count)))) {
      throw new PerchError('badInput', `MP4 track with ${track.codec} begins at ${this.#ticksOf(0)} ticks`);
    }
  }

  get hasMore(): boolean {
    return this.#next < this.#samples.count;
  }

  /** Where the next fragment ends if this track leads, in seconds: before a key frame, or when it is large. */
  get fragmentEnd(): number {
    const { count, keys, sizes } = this.#samples;
    const first = this.#next;
    let bytes = 0;
    for (let i = first; i < count; i += 1) {
      const isNext =
        this.track.kind === 'video'
          ? keys[i] === 1
          : this.#secondsOf(i) - this.#secondsOf(first) >= AUDIO_FRAGMENT_SECONDS;
      const isLater = this.#ticksOf(i) > this.#ticksOf(first);
      if (isLater && (isNext || bytes > 16 << 20)) {
        return this.#secondsOf(i);
      }
      bytes += sizes[i] as number;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Takes the samples before a time: each run has contiguous bytes. */
  take(untilSeconds: number, trackId: number, runs: PlacedRun[]): void {
    const { count, offsets, sizes } = this.#samples;
    while (this.#next < count && this.#secondsOf(this.#next) < untilSeconds) {
      const from = this.#next;
      let end = offsets[from] as number;
      let to = from;
      while (to < count && offsets[to] === end && this.#secondsOf(to) < untilSeconds) {
        end += sizes[to] as number;
        to += 1;
      }
      this.#next = to;
      runs.push({
        offset: offsets[from] as number,
        end,
        trackId,
        time: this.#ticksOf(from),
        ...this.#columns(from, to),
      });
    }
  }

  #columns(from: number, to: number) {
    const { sizes, compositionOffsets, keys } = this.#samples;
    const durations = new Uint32Array(to - from);
    const flags = new Uint32Array(to - from);
    for (let i = from; i < to; i += 1) {
      durations[i - from] = this.#ticksOf(i + 1) - this.#ticksOf(i);
      flags[i - from] = keys[i] === 1 ? 0 : NON_SYNC;
    }
    return {
      durations,
      flags,
      sizes: sizes.subarray(from, to),
      compositionOffsets: compositionOffsets.subarray(from, to),
    };
  }

  /** Decode time of a sample, or of the end. */
  #ticksOf(i: number): number {
    const { count, times, endTicks } = this.#samples;
    return (i < count ? (times[i] as number) : endTicks) + this.#shiftTicks;
  }

  #secondsOf(i: number): number {
    return this.#ticksOf(i) / this.track.clockRate;
  }
}

interface PlacedRun {
  readonly trackId: number;
  /** Offset of its bytes in the file. */
  readonly offset: number;
  readonly end: number;
  readonly time: number;
  readonly durations: Uint32Array;
  readonly flags: Uint32Array;
  readonly sizes: Uint32Array;
  readonly compositionOffsets: Int32Array;
}

function tableOf(tracks: readonly PlainTrack[]): SampleTable {
  const builder = new SampleTableBuilder(tracks.map((_, i) => i + 1));
  const lead = tracks.find(({ track }) => track.kind === 'video') ?? tracks[0];
  while (tracks.some(({ hasMore }) => hasMore)) {
    const until = lead?.fragmentEnd ?? Number.POSITIVE_INFINITY;
    const placed: PlacedRun[] = [];
    for (const [i, one] of tracks.entries()) {
      one.take(until, i + 1, placed);
    }
    const offset = placed.reduce((least, run) => Math.min(least, run.offset), Number.POSITIVE_INFINITY);
    const end = placed.reduce((most, run) => Math.max(most, run.end), 0);
    const runs = placed.map((run) => {
      const place = { trackId: run.trackId, baseTime: run.time, dataOffset: run.offset - offset };
      return new FragmentRun(place, run);
    });
    // One byte more than its samples: no fragment is copied whole, as it has no header in the file.
    const sizeBytes = end - offset + 1;
    builder.addFragment(offset, { sizeBytes, moofBytes: 0, mdatHeaderBytes: 0, sequence: 0, runs });
  }
  builder.trim();
  return builder.table;
}
