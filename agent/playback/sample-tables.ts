import { PerchError } from '../base/errors.ts';
import { box, type Fields, fullBox, u32 } from '../media/mp4/boxes.ts';
import { viewOf } from '../media/mp4/walk.ts';

/** About a day of pictures and sound: their tables are made in memory. */
const MAX_SAMPLES = 10_000_000;

/** Numbers of 32 bits, as many as it takes, in a tenth of the memory of a plain list. */
class NumberList {
  #bytes = new Uint8Array(4096);
  #view = viewOf(this.#bytes);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(value: number): void {
    const at = this.#count * 4;
    if (at === this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = viewOf(larger);
    }
    this.#view.setUint32(at, value);
    this.#count += 1;
  }

  /** Big-endian, as they stand in a box: a view. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#count * 4);
  }
}

/** Equal numbers in a row as one entry. */
class RunList {
  readonly entries = new NumberList();
  #value = 0;
  #length = 0;

  push(value: number): void {
    if (this.#length > 0 && value !== this.#value) {
      this.flush();
    }
    this.#value = value;
    this.#length += 1;
  }

  flush(): void {
    if (this.#length > 0) {
      this.entries.push(this.#length);
      this.entries.push(this.#value);
      this.#length = 0;
    }
  }
}

/** The tables of one track of a plain MP4 file (ISO/IEC 14496-12 §8.6 and §8.7), filled sample by sample. */
export class SampleTables {
  /** Decode time of the first sample in the answer's time; negative when it is only needed to decode. */
  firstTime = 0;
  endTime = 0;
  /** Decode time of the newest sample. */
  lastTime = 0;
  readonly #durations = new RunList();
  readonly #offsets = new RunList();
  readonly #sizes = new NumberList();
  readonly #syncs = new NumberList();
  readonly #chunkCounts = new NumberList();
  /** Chunk number from 1 and samples in it, where that changes. */
  #lastChunkCount = 0;
  readonly #chunkPlaces: number[] = [];
  #hasOffsets = false;
  #hasNegativeOffsets = false;
  #lastDuration = 0;

  get count(): number {
    return this.#sizes.count;
  }

  /** Samples that lie one behind the other. @param place of the first, from the start of the data */
  addChunk(place: number, samples: number): void {
    this.#chunkPlaces.push(place);
    if (samples !== this.#lastChunkCount) {
      this.#chunkCounts.push(this.#chunkPlaces.length);
      this.#chunkCounts.push(samples);
      this.#chunkCounts.push(1);
      this.#lastChunkCount = samples;
    }
  }

  addSample(time: number, duration: number, sizeBytes: number, compositionOffset: number, isSync: boolean): void {
    if (this.count === 0) {
      this.firstTime = time;
    } else {
      // A sample lasts until the next one, also over a join where the files said otherwise.
      this.#durations.push(Math.max(0, time - this.lastTime));
    }
    if (this.count >= MAX_SAMPLES) {
      throw new PerchError(
        'badInput',
        `more than ${MAX_SAMPLES} samples in one MP4: ask for a shorter duration or format=fmp4`,
      );
    }
    this.lastTime = Math.max(time, this.count === 0 ? time : this.lastTime);
    this.#lastDuration = duration;
    this.endTime = this.lastTime + duration;
    this.#sizes.push(sizeBytes);
    this.#offsets.push(compositionOffset >>> 0);
    this.#hasOffsets ||= compositionOffset !== 0;
    this.#hasNegativeOffsets ||= compositionOffset < 0;
    if (isSync) {
      this.#syncs.push(this.count);
    }
  }

  /** To be called once, after the last sample. */
  close(): void {
    if (this.count > 0) {
      this.#durations.push(this.#lastDuration);
    }
    this.#durations.flush();
    this.#offsets.flush();
  }

  /** Moves time 0 of the answer to before: all samples come so many ticks later. */
  startLater(ticks: number): void {
    this.firstTime += ticks;
    this.endTime += ticks;
  }

  /** @param dataStart where the data begin in the file; `isLarge`: places need 64 bits */
  write(sampleEntry: Uint8Array, dataStart: number, isLarge: boolean): Uint8Array {
    const pairs = (list: RunList): Fields[] => [u32(list.entries.count / 2), list.entries.bytes];
    const ctts = fullBox('ctts', this.#hasNegativeOffsets ? 1 : 0, 0, ...pairs(this.#offsets));
    const stss = fullBox('stss', 0, 0, u32(this.#syncs.count), this.#syncs.bytes);
    return box(
      'stbl',
      fullBox('stsd', 0, 0, u32(1), sampleEntry),
      fullBox('stts', 0, 0, ...pairs(this.#durations)),
      ...(this.#hasOffsets ? [ctts] : []),
      ...(this.#syncs.count < this.count ? [stss] : []),
      fullBox('stsc', 0, 0, u32(this.#chunkCounts.count / 3), this.#chunkCounts.bytes),
      fullBox('stsz', 0, 0, u32(0), u32(this.count), this.#sizes.bytes),
      this.#chunkOffsets(dataStart, isLarge),
    );
  }

  #chunkOffsets(dataStart: number, isLarge: boolean): Uint8Array {
    const width = isLarge ? 8 : 4;
    const places = new Uint8Array(this.#chunkPlaces.length * width);
    const view = viewOf(places);
    this.#chunkPlaces.forEach((place, i) => {
      if (isLarge) {
        view.setUint32(i * 8, Math.floor((dataStart + place) / 2 ** 32));
      }
      view.setUint32(i * width + width - 4, (dataStart + place) % 2 ** 32);
    });
    return fullBox(isLarge ? 'co64' : 'stco', 0, 0, u32(this.#chunkPlaces.length), places);
  }
}
