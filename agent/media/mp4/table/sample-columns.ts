import { PerchError } from '../../../base/errors.ts';

/** A day and a half of video and audio of a busy camera. */
const MAX_SAMPLES = 20_000_000;

/** A growing list of numbers. Its views stay unchanged while values are added. */
class Column<T extends Uint32Array | Int32Array | Float64Array | Uint8Array> {
  values: T;
  count = 0;
  readonly #make: (count: number) => T;

  constructor(make: (count: number) => T, count = 64) {
    this.#make = make;
    this.values = make(count);
  }

  push(value: number): void {
    const at = this.room(1);
    this.values[at] = value;
  }

  /**
   * @returns the index for `count` values in `values`, which may be a new array
   * @throws PerchError beyond the limit of a recording, before memory is allocated
   */
  room(count: number): number {
    const at = this.count;
    if (at + count > MAX_SAMPLES) {
      throw new PerchError('badInput', `sample table with ${at + count} samples, at most ${MAX_SAMPLES}`);
    }
    if (at + count > this.values.length) {
      const values = this.#make(Math.max(64, at + count, at * 2));
      values.set(this.values);
      this.values = values;
    }
    this.count = at + count;
    return at;
  }

  /** A view of the values. */
  get whole(): T {
    return this.values.subarray(0, this.count) as T;
  }

  /** Shrinks the capacity to the values. */
  trim(): void {
    if (this.values.length > this.count) {
      this.values = this.values.slice(0, this.count) as T;
    }
  }
}

const uint32s = () => new Column((count) => new Uint32Array(count));
const floats = () => new Column((count) => new Float64Array(count));

/** Collects the samples of one track. */
export class TrackColumns {
  readonly trackId: number;
  readonly sizes = uint32s();
  readonly durations = uint32s();
  readonly syncs = new Column((count) => new Uint8Array(count));
  readonly firstSamples = uint32s();
  readonly baseTimes = floats();
  readonly fragments = uint32s();
  readonly dataOffsets = floats();
  /** End of the last sample. */
  endTime = 0;
  /** Created by the first offset other than 0: few recordings have any. */
  #offsets: Column<Int32Array> | undefined;

  constructor(trackId: number) {
    this.trackId = trackId;
  }

  /** @param dataOffset file offset of the first sample's bytes */
  startRun(baseTime: number, fragment: number, dataOffset: number): void {
    this.firstSamples.push(this.sizes.count);
    this.baseTimes.push(baseTime);
    this.fragments.push(fragment);
    this.dataOffsets.push(dataOffset);
  }

  /** Of the sample `i` of the track, in the order of samples. */
  pushOffset(i: number, offset: number): void {
    if (offset !== 0 && !this.#offsets) {
      this.#offsets = new Column((count) => new Int32Array(count), Math.max(64, i * 2));
      this.#offsets.count = i;
    }
    this.#offsets?.push(offset);
  }

  /** At least one is not 0, so each has to be given. */
  get hasOffsets(): boolean {
    return this.#offsets !== undefined;
  }

  trim(): void {
    for (const column of [this.sizes, this.durations, this.syncs, this.#offsets]) {
      column?.trim();
    }
    for (const column of [this.firstSamples, this.baseTimes, this.fragments, this.dataOffsets]) {
      column.trim();
    }
  }

  get whole() {
    return {
      trackId: this.trackId,
      count: this.sizes.count,
      sizes: this.sizes.whole,
      durations: this.durations.whole,
      compositionOffsets: this.#offsets?.whole,
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

/** Collects the samples of a recording. */
export class TableColumns {
  readonly tracks: readonly TrackColumns[];
  readonly #offsets = floats();
  readonly #sizes = floats();
  readonly #headers = uint32s();

  constructor(trackIds: readonly number[]) {
    this.tracks = trackIds.map((id) => new TrackColumns(id));
  }

  get fragmentCount(): number {
    return this.#offsets.count;
  }

  /** Call after the fragment's runs. @throws PerchError beyond the limit of a recording */
  pushFragment(offset: number, sizeBytes: number, headerBytes: number): void {
    this.#offsets.push(offset);
    this.#sizes.push(sizeBytes);
    this.#headers.push(headerBytes);
    let samples = 0;
    for (const track of this.tracks) {
      samples += track.sizes.count;
    }
    if (samples > MAX_SAMPLES) {
      throw new PerchError('badInput', `sample table with ${samples} samples, at most ${MAX_SAMPLES}`);
    }
  }

  trim(): void {
    for (const column of [this.#offsets, this.#sizes, this.#headers, ...this.tracks]) {
      column.trim();
    }
  }

  /** The samples so far: views that stay unchanged. */
  get whole() {
    return {
      fragmentCount: this.#offsets.count,
      fragmentOffsets: this.#offsets.whole,
      fragmentBytes: this.#sizes.whole,
      headerBytes: this.#headers.whole,
      tracks: this.tracks.map((track) => track.whole),
    };
  }
}
