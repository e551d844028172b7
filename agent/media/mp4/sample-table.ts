import { PerchError } from '../../base/errors.ts';
import { ALL_SYNC, FIRST_SYNC, NO_OFFSETS, SAME_DURATION } from './sample-table-writer.ts';
import { VarintReader } from './varint.ts';

/** A day and a half of pictures and sound of a lively camera. */
const MAX_SAMPLES = 20_000_000;

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
export interface TrackRuns {
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

/** Numbers as many as it takes. */
class Column<T extends Uint32Array | Int32Array | Float64Array | Uint8Array> {
  values: T;
  count = 0;
  readonly #larger: (count: number) => T;

  constructor(make: (count: number) => T) {
    this.#larger = make;
    this.values = make(64);
  }

  push(value: number): void {
    if (this.count === this.values.length) {
      const values = this.#larger(this.count * 2);
      values.set(this.values);
      this.values = values;
    }
    this.values[this.count] = value;
    this.count += 1;
  }

  /** A view of what was pushed. */
  get whole(): T {
    return this.values.subarray(0, this.count) as T;
  }
}

const uint32s = () => new Column((count) => new Uint32Array(count));
const floats = () => new Column((count) => new Float64Array(count));

class TrackColumns {
  readonly trackId: number;
  readonly sizes = uint32s();
  readonly durations = uint32s();
  readonly offsets = new Column((count) => new Int32Array(count));
  readonly syncs = new Column((count) => new Uint8Array(count));
  readonly firstSamples = uint32s();
  readonly baseTimes = floats();
  readonly fragments = uint32s();
  readonly dataOffsets = floats();
  endTime = 0;
  hasOffsets = false;

  constructor(trackId: number) {
    this.trackId = trackId;
  }

  get whole(): TrackSamples {
    return {
      trackId: this.trackId,
      count: this.sizes.count,
      sizes: this.sizes.whole,
      durations: this.durations.whole,
      compositionOffsets: this.hasOffsets ? this.offsets.whole : undefined,
      syncs: this.syncs.whole,
      runs: {
        count: this.baseTimes.count,
        firstSamples: this.firstSamples.whole,
        baseTimes: this.baseTimes.whole,
        fragments: this.fragments.whole,
        dataOffsets: this.dataOffsets.whole,
      },
    };
  }
}

/**
 * What a `SampleTableWriter` has collected.
 * @param trackIds,initBytes as the writer was given them
 * @throws PerchError on anything that no writer makes
 */
export function parseSampleTable(bytes: Uint8Array, trackIds: readonly number[], initBytes: number): SampleTable {
  const input = new VarintReader(bytes);
  const tracks = trackIds.map((id) => new TrackColumns(id));
  const fragmentOffsets = floats();
  const fragmentBytes = floats();
  const headerBytes = uint32s();
  let fileEnd = initBytes;
  let samples = 0;
  while (!input.isAtEnd) {
    const offset = fileEnd + input.next();
    const sizeBytes = input.next();
    const header = input.next();
    fileEnd = offset + sizeBytes;
    if (header > sizeBytes || !Number.isSafeInteger(fileEnd)) {
      throw new PerchError('badInput', `sample table has a fragment of ${sizeBytes} bytes with a header of ${header}`);
    }
    let dataEnd = header;
    for (let runs = input.next(); runs > 0; runs -= 1) {
      const track = tracks[input.next()];
      if (!track) {
        throw new PerchError('badInput', `sample table names a track beyond the ${tracks.length} of the file`);
      }
      const baseTime = track.endTime + input.nextSigned();
      const dataOffset = dataEnd + input.nextSigned();
      track.firstSamples.push(track.sizes.count);
      track.baseTimes.push(baseTime);
      track.fragments.push(fragmentOffsets.count);
      track.dataOffsets.push(offset + dataOffset);
      const dataBytes = readRun(input, track, baseTime);
      dataEnd = dataOffset + dataBytes;
      if (baseTime < 0 || dataOffset < 0 || dataEnd > sizeBytes) {
        throw new PerchError('badInput', `sample table has samples outside their fragment of ${sizeBytes} bytes`);
      }
    }
    fragmentOffsets.push(offset);
    fragmentBytes.push(sizeBytes);
    headerBytes.push(header);
    samples = tracks.reduce((sum, track) => sum + track.sizes.count, 0);
    if (samples > MAX_SAMPLES) {
      throw new PerchError('badInput', `sample table with ${samples} samples, at most ${MAX_SAMPLES}`);
    }
  }
  return {
    fragmentCount: fragmentOffsets.count,
    fragmentOffsets: fragmentOffsets.whole,
    fragmentBytes: fragmentBytes.whole,
    headerBytes: headerBytes.whole,
    tracks: tracks.map((track) => track.whole),
  };
}

/** @returns the bytes of all its samples */
function readRun(input: VarintReader, track: TrackColumns, baseTime: number): number {
  const count = input.next();
  const flags = input.next();
  if (count > input.leftBytes) {
    throw new PerchError('badInput', `sample table is cut short in a run of ${count} samples`);
  }
  let time = baseTime;
  let duration = 0;
  for (let i = 0; i < count; i += 1) {
    duration = i === 0 || (flags & SAME_DURATION) === 0 ? input.next() : duration;
    track.durations.push(duration);
    time += duration;
  }
  for (let i = 0; i < count; i += 1) {
    const offset = flags & NO_OFFSETS ? 0 : input.nextSigned();
    track.offsets.push(offset);
    track.hasOffsets ||= offset !== 0;
  }
  for (let i = 0; i < count; i += 1) {
    const isSync = flags & ALL_SYNC || (flags & FIRST_SYNC && i === 0);
    track.syncs.push(isSync || ((flags & FIRST_SYNC) === 0 && input.next() === 1) ? 1 : 0);
  }
  let dataBytes = 0;
  for (let i = 0; i < count; i += 1) {
    const size = input.next();
    track.sizes.push(size);
    dataBytes += size;
  }
  track.endTime = time;
  return dataBytes;
}
