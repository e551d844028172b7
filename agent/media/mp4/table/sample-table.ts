import { PerchError } from '../../../base/errors.ts';
import type { Mp4Fragment } from '../read/read.ts';
import type { FragmentRun } from '../read/read-runs.ts';
import { TableColumns, type TrackColumns } from './sample-columns.ts';
import { ALL_SYNC, FIRST_SYNC, NO_OFFSETS, SAME_DURATION } from './sample-table-writer.ts';
import { VarintReader } from './varint.ts';

/** The samples of one track by column. Times in ticks of the track, on the file's scale. */
export interface TrackSamples {
  readonly trackId: number;
  readonly count: number;
  readonly sizes: Uint32Array;
  readonly durations: Uint32Array;
  /** Presentation minus decode time, or undefined if all are 0. */
  readonly compositionOffsets: Int32Array | undefined;
  /** 1: a sync sample. */
  readonly syncs: Uint8Array;
  readonly runs: TrackRuns;
}

/** By run: consecutive samples of a track with contiguous bytes in one fragment. */
interface TrackRuns {
  readonly count: number;
  readonly firstSamples: Uint32Array;
  /** Decode time of the first sample. */
  readonly baseTimes: Float64Array;
  /** The fragment's number, from 0. */
  readonly fragments: Uint32Array;
  /** File offset of the first sample's bytes. */
  readonly dataOffsets: Float64Array;
  /** Size of all samples of the run. */
  readonly dataBytes: Float64Array;
  /** What all samples of the run have in common: `SAME_DURATION`, `ALL_SYNC`, `FIRST_SYNC`. */
  readonly flags: Uint8Array;
}

/** The positions of a recording's fragments, runs and samples. */
export interface SampleTable {
  readonly fragmentCount: number;
  /** File offset of each fragment's `moof`. */
  readonly fragmentOffsets: Float64Array;
  readonly fragmentBytes: Float64Array;
  /** Size of `moof` and the head of `mdat`. */
  readonly headerBytes: Uint32Array;
  readonly tracks: readonly TrackSamples[];
}

/**
 * Parses the output of a `SampleTableWriter`.
 * @param trackIds,initBytes as given to the writer
 * @throws PerchError if it is invalid
 */
export function parseSampleTable(bytes: Uint8Array, trackIds: readonly number[], initBytes: number): SampleTable {
  const reader = new SampleTableReader(bytes, trackIds, initBytes);
  reader.read(Number.POSITIVE_INFINITY);
  return reader.table;
}

const RUN_FLAGS = SAME_DURATION | ALL_SYNC | FIRST_SYNC;
/** Share of the table after which the number of all samples is known well. */
const MIN_SHARE = 0.1;

/** Parses a table in steps: a day has millions of samples, and other work must not wait. */
export class SampleTableReader {
  readonly #input: VarintReader;
  readonly #columns: TableColumns;
  readonly #sizeBytes: number;
  /** File offset of the last fragment's end. */
  #fileEnd: number;
  #isExtended = false;

  /** Parameters of `parseSampleTable`. */
  constructor(bytes: Uint8Array, trackIds: readonly number[], initBytes: number) {
    this.#input = new VarintReader(bytes);
    this.#columns = new TableColumns(trackIds);
    this.#sizeBytes = bytes.length;
    this.#fileEnd = initBytes;
  }

  /** Call once, at the end. */
  get table(): SampleTable {
    this.#columns.trim();
    return this.#columns.whole;
  }

  /** Reads this many bytes, up to the end of a fragment. @returns false at the end @throws PerchError like `parseSampleTable` */
  read(pieceBytes: number): boolean {
    const leftBytes = this.#input.leftBytes - pieceBytes;
    while (!this.#input.isAtEnd && this.#input.leftBytes > leftBytes) {
      this.#readFragment();
      const readBytes = this.#sizeBytes - this.#input.leftBytes;
      if (!this.#isExtended && readBytes >= MIN_SHARE * this.#sizeBytes) {
        this.#isExtended = true;
        this.#columns.extend(this.#sizeBytes / readBytes);
      }
    }
    return !this.#input.isAtEnd;
  }

  #readFragment(): void {
    const [input, columns] = [this.#input, this.#columns];
    const offset = this.#fileEnd + input.next();
    const sizeBytes = input.next();
    const header = input.next();
    this.#fileEnd = offset + sizeBytes;
    if (header > sizeBytes || !Number.isSafeInteger(this.#fileEnd)) {
      throw new PerchError('badInput', `sample table has a fragment of ${sizeBytes} bytes with a header of ${header}`);
    }
    let dataEnd = header;
    for (let runs = input.next(); runs > 0; runs -= 1) {
      const number = input.next();
      const track = columns.tracks[number];
      if (!track) {
        const count = columns.tracks.length;
        throw new PerchError('badInput', `sample table names track ${number}, beyond the ${count} of the file`);
      }
      const baseTime = track.endTime + input.nextSigned();
      const dataOffset = dataEnd + input.nextSigned();
      track.startRun(baseTime, columns.fragmentCount, offset + dataOffset);
      const dataBytes = readRun(input, track, baseTime);
      dataEnd = dataOffset + dataBytes;
      if (baseTime < 0 || dataOffset < 0 || dataEnd > sizeBytes) {
        throw new PerchError('badInput', `sample table has samples outside their fragment of ${sizeBytes} bytes`);
      }
    }
    columns.pushFragment(offset, sizeBytes, header);
  }
}

/** @returns the bytes of all its samples */
function readRun(input: VarintReader, track: TrackColumns, baseTime: number): number {
  const count = input.next();
  const flags = input.next();
  if (count > input.leftBytes) {
    throw new PerchError('badInput', `sample table is cut short in a run of ${count} samples`);
  }
  const first = track.sizes.room(count);
  track.durations.room(count);
  track.syncs.room(count);
  const [sizes, durations, syncs] = [track.sizes.values, track.durations.values, track.syncs.values];
  const end = first + count;
  let time = baseTime;
  if (flags & SAME_DURATION && count > 0) {
    const duration = input.next();
    durations.fill(duration, first, end);
    time += count * duration;
  } else {
    for (let i = first; i < end; i += 1) {
      const duration = input.next();
      durations[i] = duration;
      time += duration;
    }
  }
  for (let i = 0; i < count && ((flags & NO_OFFSETS) === 0 || track.hasOffsets); i += 1) {
    track.pushOffset(first + i, flags & NO_OFFSETS ? 0 : input.nextSigned());
  }
  if (flags & ALL_SYNC) {
    syncs.fill(1, first, end);
  } else if (flags & FIRST_SYNC && count > 0) {
    syncs[first] = 1;
  } else {
    for (let i = first; i < end; i += 1) {
      syncs[i] = input.next() === 1 ? 1 : 0;
    }
  }
  let dataBytes = 0;
  for (let i = first; i < end; i += 1) {
    const size = input.next();
    sizes[i] = size;
    dataBytes += size;
  }
  track.endTime = time;
  track.endRun(dataBytes, flags & RUN_FLAGS);
  return dataBytes;
}

/** Memory of a table in bytes. */
export function bytesOfTable({ fragmentOffsets, fragmentBytes, headerBytes, tracks }: SampleTable): number {
  let bytes = fragmentOffsets.buffer.byteLength + fragmentBytes.buffer.byteLength + headerBytes.buffer.byteLength;
  for (const { sizes, durations, compositionOffsets, syncs, runs } of tracks) {
    bytes += sizes.buffer.byteLength + durations.buffer.byteLength + syncs.buffer.byteLength;
    bytes += compositionOffsets?.buffer.byteLength ?? 0;
    bytes += runs.firstSamples.buffer.byteLength + runs.baseTimes.buffer.byteLength;
    bytes += runs.fragments.buffer.byteLength + runs.dataOffsets.buffer.byteLength;
    bytes += runs.dataBytes.buffer.byteLength + runs.flags.buffer.byteLength;
  }
  return bytes;
}

function flagsOf(run: FragmentRun): number {
  let flags = RUN_FLAGS;
  for (let i = 0; i < run.count; i += 1) {
    flags &= run.durations[i] === run.durations[0] ? ~0 : ~SAME_DURATION;
    flags &= run.isSync(i) ? ~0 : ~ALL_SYNC;
    flags &= run.isSync(i) === (i === 0) ? ~0 : ~FIRST_SYNC;
  }
  return flags;
}

/** Builds a sample table from fragments, for recordings that grow or have no table. */
export class SampleTableBuilder {
  /** One past the last fragment; 0 before the first. */
  endOffset = 0;
  readonly #columns: TableColumns;
  readonly #trackIds: readonly number[];

  constructor(trackIds: readonly number[]) {
    this.#trackIds = trackIds;
    this.#columns = new TableColumns(trackIds);
  }

  get fragmentCount(): number {
    return this.#columns.fragmentCount;
  }

  /** The table so far; it stays unchanged when fragments are added. */
  get table(): SampleTable {
    return this.#columns.whole;
  }

  /** @param offset of the `moof` in the file; runs of other tracks are skipped @throws PerchError with too many samples */
  addFragment(offset: number, fragment: Mp4Fragment): void {
    for (const run of fragment.runs) {
      const track = this.#columns.tracks[this.#trackIds.indexOf(run.trackId)];
      if (track && run.count > 0) {
        const first = track.sizes.count;
        track.startRun(run.baseTime, this.#columns.fragmentCount, offset + run.dataOffset);
        for (let i = 0; i < run.count; i += 1) {
          track.sizes.push(run.sizes[i] as number);
          track.durations.push(run.durations[i] as number);
          track.pushOffset(first + i, run.compositionOffsets?.[i] ?? 0);
          track.syncs.push(run.isSync(i) ? 1 : 0);
        }
        track.endTime = run.baseTime + run.durationTicks;
        track.endRun(run.sizeBytes, flagsOf(run));
      }
    }
    this.endOffset = offset + fragment.sizeBytes;
    this.#columns.pushFragment(offset, fragment.sizeBytes, fragment.moofBytes + fragment.mdatHeaderBytes);
  }

  /** Ends the table: frees spare memory. */
  trim(): void {
    this.#columns.trim();
  }
}
