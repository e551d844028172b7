import type { Sample } from '../media/sample/sample.ts';
import { hold, release } from '../media/sample/slab.ts';

/** What a replay is given to. */
export interface SampleSink {
  onSample(track: number, sample: Sample): void;
}

/** A group of pictures beyond this is not replayed to a new reader: it begins at the next. */
export const REPLAY_LIMIT_BYTES = 8 << 20;
/** Far more than any real group has: each costs some hundred bytes in addition to its data. */
const MAX_SAMPLES = 20_000;
/** A group with a longer pause does not count for the distance of key samples. 90 kHz. */
const PAUSE_TICKS = 3 * 90_000;

/**
 * The samples of all tracks since the leading video track's last key sample, bounded in bytes and number. Copies nothing.
 * Of a group that has grown beyond the bounds the key sample alone stays, as a still.
 */
export class GopCache {
  readonly #leadingTrack: number;
  readonly #limitBytes: number;
  #tracks: number[] = [];
  #samples: Sample[] = [];
  #bytes = 0;
  #isOpen = false;
  /** The key sample of a group that is not kept. */
  #still: Sample | undefined;
  /** Where the running group began; undefined: it is not measured. */
  #groupDts: number | undefined;
  #lastDts = 0;
  #longestGroupTicks = 0;

  /** @param leadingTrack the video track whose key samples start a group; -1: nothing is ever kept */
  constructor(leadingTrack: number, limitBytes = REPLAY_LIMIT_BYTES) {
    this.#leadingTrack = leadingTrack;
    this.#limitBytes = limitBytes;
  }

  /** Of all samples that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The longest time between two key samples of the leading track so far; 0: there have not been two. */
  get longestGroupTicks(): number {
    return this.#longestGroupTicks;
  }

  /** How long the running group of the leading track lasts already; 0: it is not measured. */
  get groupTicks(): number {
    return this.#groupDts === undefined ? 0 : this.#lastDts - this.#groupDts;
  }

  add(track: number, sample: Sample): void {
    if (track === this.#leadingTrack) {
      this.#measure(sample);
      if (sample.key) {
        this.clear();
        this.#isOpen = true;
      }
    }
    if (!this.#isOpen) {
      return;
    }
    this.#bytes += sample.data.length;
    if (this.#bytes > this.#limitBytes || this.#samples.length === MAX_SAMPLES) {
      // Half a group is of no use to anybody: wait for the next.
      this.#saveSnapshot();
      return;
    }
    hold(sample.data);
    this.#tracks.push(track);
    this.#samples.push(sample);
  }

  /** Gives the newest key sample alone, also that of a group which is too large to be replayed. The sink keeps nothing of it, or takes a hold. */
  replayKey(sink: SampleSink): void {
    const key = this.#still ?? this.#samples[0];
    if (key) {
      hold(key.data);
      sink.onSample(this.#leadingTrack, key);
      release(key.data);
    }
  }

  /**
   * Ends early when the sink brings it about that the group is let go.
   * @param countsHolds the sink does: else what it gets is never used again
   */
  replay(sink: SampleSink, countsHolds: boolean): void {
    const samples = this.#samples;
    const tracks = this.#tracks;
    for (let i = 0; i < samples.length && samples === this.#samples; i += 1) {
      const sample = samples[i] as Sample;
      hold(sample.data);
      sink.onSample(tracks[i] as number, sample);
      if (countsHolds) {
        release(sample.data);
      }
    }
  }

  clear(): void {
    this.#letGo(0);
    if (this.#still) {
      release(this.#still.data);
      this.#still = undefined;
    }
  }

  #measure({ dts, key }: Sample): void {
    if (dts - this.#lastDts > PAUSE_TICKS) {
      this.#groupDts = undefined;
    }
    this.#lastDts = dts;
    if (key) {
      if (this.#groupDts !== undefined && dts - this.#groupDts > this.#longestGroupTicks) {
        this.#longestGroupTicks = dts - this.#groupDts;
      }
      this.#groupDts = dts;
    }
  }

  #saveSnapshot(): void {
    // Its hold goes over from the group.
    this.#still = this.#samples[0];
    this.#letGo(1);
  }

  /** Ends the group and releases its samples from the first that is named on. */
  #letGo(first: number): void {
    const samples = this.#samples;
    for (let i = first; i < samples.length; i += 1) {
      release((samples[i] as Sample).data);
    }
    this.#tracks = [];
    this.#samples = [];
    this.#bytes = 0;
    this.#isOpen = false;
  }
}
