import { PerchError } from '../../../base/errors.ts';
import type { Mp4Fragment } from '../read/read.ts';
import { TableColumns, type TrackColumns } from './sample-columns.ts';
import { ALL_SYNC, FIRST_SYNC, NO_OFFSETS, SAME_DURATION } from './sample-table-writer.ts';
import { VarintReader } from './varint.ts';

/** The samples of one track, column by column. Times in ticks of the track, as the file counts them. */
export interface TrackSamples {
  readonly trackId: number;
  readonly count: number;
  readonly sizes: Uint32Array;
  readonly durations: Uint32Array;
  /** Presentation minus decode time; undefined: all 0. */
  readonly compositionOffsets: Int32Array | undefined;
  /** 1 where a player can start. */
  readonly syncs: Uint8Array;
  readonly runs: TrackRuns;
}

/** Consecutive samples of a track that lie one behind the other in one fragment: by run. */
interface TrackRuns {
  readonly count: number;
  readonly firstSamples: Uint32Array;
  /** Decode time of the first sample. */
  readonly baseTimes: Float64Array;
  /** The fragment's number, from 0. */
  readonly fragments: Uint32Array;
  /** Where the first sample's bytes are in the file. */
  readonly dataOffsets: Float64Array;
}

/** Where everything in a recording lies. */
export interface SampleTable {
  readonly fragmentCount: number;
  /** Of each fragment's `moof` in the file. */
  readonly fragmentOffsets: Float64Array;
  readonly fragmentBytes: Float64Array;
  /** Of `moof` and the head of `mdat`. */
  readonly headerBytes: Uint32Array;
  readonly tracks: readonly TrackSamples[];
}

/**
 * What a `SampleTableWriter` has collected.
 * @param trackIds,initBytes as the writer was given them
 * @throws PerchError on anything that no writer makes
 */
export function parseSampleTable(bytes: Uint8Array, trackIds: readonly number[], initBytes: number): SampleTable {
  const reader = new SampleTableReader(bytes, trackIds, initBytes);
  reader.read(Number.POSITIVE_INFINITY);
  return reader.table;
}

/** Reads a table piece by piece: that of a day has millions of samples, and others want their turn. */
export class SampleTableReader {
  readonly #input: VarintReader;
  readonly #columns: TableColumns;
  /** Where the last fragment has ended in the file. */
  #fileEnd: number;

  /** As `parseSampleTable`. */
  constructor(bytes: Uint8Array, trackIds: readonly number[], initBytes: number) {
    this.#input = new VarintReader(bytes);
    this.#columns = new TableColumns(trackIds);
    this.#fileEnd = initBytes;
  }

  /** To be called once, at the end. */
  get table(): SampleTable {
    this.#columns.trim();
    return this.#columns.whole;
  }

  /** Reads this many bytes, to the end of a fragment. @returns false when all is read. @throws PerchError as `parseSampleTable` */
  read(pieceBytes: number): boolean {
    const leftBytes = this.#input.leftBytes - pieceBytes;
    while (!this.#input.isAtEnd && this.#input.leftBytes > leftBytes) {
      this.#readFragment();
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
  let time = baseTime;
  let duration = 0;
  for (let i = first; i < first + count; i += 1) {
    duration = i === first || (flags & SAME_DURATION) === 0 ? input.next() : duration;
    durations[i] = duration;
    time += duration;
  }
  for (let i = 0; i < count && ((flags & NO_OFFSETS) === 0 || track.hasOffsets); i += 1) {
    track.pushOffset(first + i, flags & NO_OFFSETS ? 0 : input.nextSigned());
  }
  for (let i = first; i < first + count; i += 1) {
    const isSync = flags & ALL_SYNC || (flags & FIRST_SYNC && i === first);
    syncs[i] = isSync || ((flags & FIRST_SYNC) === 0 && input.next() === 1) ? 1 : 0;
  }
  let dataBytes = 0;
  for (let i = first; i < first + count; i += 1) {
    const size = input.next();
    sizes[i] = size;
    dataBytes += size;
  }
  track.endTime = time;
  return dataBytes;
}

/** What a table takes in memory. */
export function bytesOfTable({ fragmentOffsets, fragmentBytes, headerBytes, tracks }: SampleTable): number {
  let bytes = fragmentOffsets.buffer.byteLength + fragmentBytes.buffer.byteLength + headerBytes.buffer.byteLength;
  for (const { sizes, durations, compositionOffsets, syncs, runs } of tracks) {
    bytes += sizes.buffer.byteLength + durations.buffer.byteLength + syncs.buffer.byteLength;
    bytes += compositionOffsets?.buffer.byteLength ?? 0;
    bytes += runs.firstSamples.buffer.byteLength + runs.baseTimes.buffer.byteLength;
    bytes += runs.fragments.buffer.byteLength + runs.dataOffsets.buffer.byteLength;
  }
  return bytes;
}

/** Makes a sample table of fragments as they are read, for recordings that grow or have none of their own. */
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

  /** What is there by now: it stays as it is when more is added. */
  get table(): SampleTable {
    return this.#columns.whole;
  }

  /** @param offset of the `moof` in the file; runs of other tracks are left out. @throws PerchError when there are too many samples */
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
      }
    }
    this.endOffset = offset + fragment.sizeBytes;
    this.#columns.pushFragment(offset, fragment.sizeBytes, fragment.moofBytes + fragment.mdatHeaderBytes);
  }

  /** Nothing more will come: gives back the memory that was kept for it. */
  trim(): void {
    this.#columns.trim();
  }
}
