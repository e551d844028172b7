import type { Sample } from '../media/sample/sample.ts';
import { hold, release } from '../media/sample/slab.ts';

/** Receives a replay. */
export interface SampleSink {
  onSample(track: number, sample: Sample): void;
}

/** A larger group of pictures is not replayed: a new reader begins at the next one. */
export const MAX_REPLAY_BYTES = 8 << 20;
/** Far more than in any real group; each sample costs about a hundred bytes in addition to its data. */
const MAX_SAMPLES = 20_000;
/** A group with a longer pause is not measured. In ticks of 90 kHz. */
const PAUSE_TICKS = 3 * 90_000;
const TICKS_PER_SECOND = 90_000;

/**
 * The samples of all tracks since the leading video track's last key sample, bounded in bytes and number. Copies nothing.
 * If a group exceeds the bounds, only its key sample is kept, as a still.
 */
export class GopCache {
  readonly #leadingTrack: number;
  readonly #limitBytes: number;
  #tracks: number[] = [];
  #samples: Sample[] = [];
  #bytes = 0;
  #isOpen = false;
  /** The key sample of a dropped group. */
  #still: Sample | undefined;
  /** Start of the current group, or undefined if not measured. */
  #groupDts: number | undefined;
  #lastDts = 0;
  #longestGroupTicks = 0;

  /** @param leadingTrack the video track whose key samples start a group; -1: nothing is cached */
  constructor(leadingTrack: number, limitBytes = MAX_REPLAY_BYTES) {
    this.#leadingTrack = leadingTrack;
    this.#limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Longest distance of two key samples of the leading track so far; 0: unknown. */
  get longestGroupTicks(): number {
    return this.#longestGroupTicks;
  }

  /** Current length of the leading track's group; 0: not measured. */
  get groupTicks(): number {
    return this.#groupDts === undefined ? 0 : this.#lastDts - this.#groupDts;
  }

  /** Pictures per second of the leading track in the cached group, a whole number from 1 on; undefined with few pictures. */
  get fps(): number | undefined {
    const pictures = this.#tracks.reduce((count, track) => (track === this.#leadingTrack ? count + 1 : count), 0);
    const ticks = this.#lastDts - (this.#samples[0]?.dts ?? 0);
    // With fewer pictures the frame rate is unknown.
    return pictures < 8 || ticks <= 0
      ? undefined
      : Math.max(1, Math.round(((pictures - 1) * TICKS_PER_SECOND) / ticks));
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
      // A part of a group cannot be replayed: only the key sample stays, as a still with the hold that the group had.
      this.#still = this.#samples[0];
      this.#drop(1);
      return;
    }
    hold(sample.data);
    this.#tracks.push(track);
    this.#samples.push(sample);
  }

  /** Delivers the newest key sample only, also of a group too large to be replayed. The sink takes a hold on what it keeps. */
  replayKey(sink: SampleSink): void {
    const key = this.#still ?? this.#samples[0];
    if (key) {
      hold(key.data);
      sink.onSample(this.#leadingTrack, key);
      release(key.data);
    }
  }

  /**
   * Ends early if the sink causes the group to be dropped.
   * @param countsHolds the sink takes holds; otherwise the memory of the samples is left to the collector
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
    this.#drop(0);
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

  /** Ends the group and releases its samples from `first` on. */
  #drop(first: number): void {
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
