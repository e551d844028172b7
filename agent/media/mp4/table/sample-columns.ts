import { PerchError } from '../../../base/errors.ts';

/** A day and a half of video and audio of a busy camera. */
const MAX_SAMPLES = 20_000_000;

/** Room beyond the expected number of values, relative to it. */
const SPARE = 0.01;

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
      this.#grow(Math.max(64, at + count, at * 2));
    }
    this.count = at + count;
    return at;
  }

  /** Takes room for `factor` times the values, whose number is then about right. */
  extend(factor: number): void {
    const capacity = Math.min(Math.ceil(this.count * factor * (1 + SPARE)), MAX_SAMPLES);
    if (capacity > this.values.length) {
      this.#grow(capacity);
    }
  }

  #grow(capacity: number): void {
    const values = this.#make(capacity);
    values.set(this.values);
    this.values = values;
  }

  /** A view of the values. */
  get whole(): T {
    return this.values.subarray(0, this.count) as T;
  }

  /** Shrinks the capacity to the values. The spare room of `extend` stays: large arrays are slow to make. */
  trim(): void {
    if (this.values.length > Math.ceil(this.count * (1 + 2 * SPARE))) {
      this.values = this.values.slice(0, this.count) as T;
    }
  }
}

const uint8s = () => new Column((count) => new Uint8Array(count));
const uint32s = () => new Column((count) => new Uint32Array(count));
const floats = () => new Column((count) => new Float64Array(count));

/** Collects the samples of one track. */
export class TrackColumns {
  readonly trackId: number;
  readonly sizes = uint32s();
  readonly durations = uint32s();
  readonly syncs = uint8s();
  readonly firstSamples = uint32s();
  readonly baseTimes = floats();
  readonly fragments = uint32s();
  readonly dataOffsets = floats();
  readonly dataBytes = floats();
  readonly flags = uint8s();
  /** End of the last sample. */
  endTime = 0;
  /** Created by the first offset other than 0: few recordings have any. */
  #offsets: Column<Int32Array> | undefined;

  constructor(trackId: number) {
    this.trackId = trackId;
  }

  /** Starts a run; its samples and `endRun` follow. @param dataOffset file offset of the first sample's bytes */
  startRun(baseTime: number, fragment: number, dataOffset: number): void {
    this.firstSamples.push(this.sizes.count);
    this.baseTimes.push(baseTime);
    this.fragments.push(fragment);
    this.dataOffsets.push(dataOffset);
  }

  endRun(dataBytes: number, flags: number): void {
    this.dataBytes.push(dataBytes);
    this.flags.push(flags);
  }

  /** Adds the composition offset of the sample `i` of the track. Call in the order of samples. */
  pushOffset(i: number, offset: number): void {
    if (offset !== 0 && !this.#offsets) {
      this.#offsets = new Column((count) => new Int32Array(count), Math.max(64, i * 2));
      this.#offsets.count = i;
    }
    this.#offsets?.push(offset);
  }

  /** Whether any offset is not 0: then each has to be given. */
  get hasOffsets(): boolean {
    return this.#offsets !== undefined;
  }

  extend(factor: number): void {
    for (const column of this.#columns()) {
      column.extend(factor);
    }
  }

  trim(): void {
    for (const column of this.#columns()) {
      column.trim();
    }
  }

  #columns(): Pick<Column<Uint8Array>, 'extend' | 'trim'>[] {
    const ofSamples = [this.sizes, this.durations, this.syncs, ...(this.#offsets ? [this.#offsets] : [])];
    const ofRuns = [this.firstSamples, this.baseTimes, this.fragments, this.dataOffsets, this.dataBytes, this.flags];
    return [...ofSamples, ...ofRuns];
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
        dataBytes: this.dataBytes.whole,
        flags: this.flags.whole,
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

  /** Takes room for `factor` times the samples so far, which avoids copies of large arrays. */
  extend(factor: number): void {
    for (const column of [this.#offsets, this.#sizes, this.#headers, ...this.tracks]) {
      column.extend(factor);
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
