import { PerchError } from '../../../base/errors.ts';

/** Five hours of video and audio. */
const MAX_SAMPLES = 2_000_000;
const FIRST_CAPACITY = 1_024;

/** The samples of one track of a file, in decode order: where their bytes lie and when they are due. */
export class SampleList {
  count = 0;
  /** In the file. */
  offsets = new Float64Array(FIRST_CAPACITY);
  /** In bytes. */
  sizes = new Uint32Array(FIRST_CAPACITY);
  /** Decode times in ticks of the track. */
  times = new Float64Array(FIRST_CAPACITY);
  /** Presentation minus decode time in ticks. */
  compositionOffsets = new Int32Array(FIRST_CAPACITY);
  /** 1: key sample. */
  keys = new Uint8Array(FIRST_CAPACITY);
  /** End of the last sample in ticks. */
  endTicks = 0;

  add(offset: number, size: number, time: number, compositionOffset: number, isKey: boolean): void {
    const at = this.count;
    if (at === MAX_SAMPLES) {
      throw new PerchError('unsupported', `MP4 track with more than ${MAX_SAMPLES} samples`);
    }
    if (at === this.sizes.length) {
      this.#grow(2 * at);
    }
    this.offsets[at] = offset;
    this.sizes[at] = size;
    this.times[at] = time;
    this.compositionOffsets[at] = compositionOffset;
    this.keys[at] = isKey ? 1 : 0;
    this.count = at + 1;
  }

  #grow(capacity: number): void {
    const grown = <T extends { set(old: T): void }>(fresh: T, old: T): T => {
      fresh.set(old);
      return fresh;
    };
    this.offsets = grown(new Float64Array(capacity), this.offsets);
    this.sizes = grown(new Uint32Array(capacity), this.sizes);
    this.times = grown(new Float64Array(capacity), this.times);
    this.compositionOffsets = grown(new Int32Array(capacity), this.compositionOffsets);
    this.keys = grown(new Uint8Array(capacity), this.keys);
  }
}
