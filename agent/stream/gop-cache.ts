import type { Sample } from '../media/sample.ts';
import { hold, release } from '../media/slab.ts';

/** What a replay is given to. */
export interface SampleSink {
  onSample(track: number, sample: Sample): void;
}

/** Far more than any real group has: each costs some hundred bytes beside its data. */
const MAX_SAMPLES = 20_000;

/** The samples of all tracks since the leading video track's last key sample, bounded in bytes and number. Copies nothing. */
export class GopCache {
  readonly #leadingTrack: number;
  readonly #limitBytes: number;
  #tracks: number[] = [];
  #samples: Sample[] = [];
  #bytes = 0;
  #isOpen = false;

  /** @param leadingTrack the video track whose key samples start a group; -1: nothing is ever kept */
  constructor(leadingTrack: number, limitBytes: number) {
    this.#leadingTrack = leadingTrack;
    this.#limitBytes = limitBytes;
  }

  add(track: number, sample: Sample): void {
    if (track === this.#leadingTrack && sample.key) {
      this.clear();
      this.#isOpen = true;
    }
    if (!this.#isOpen) {
      return;
    }
    this.#bytes += sample.data.length;
    if (this.#bytes > this.#limitBytes || this.#samples.length === MAX_SAMPLES) {
      // Half a group is of no use to anybody: wait for the next.
      this.clear();
      return;
    }
    hold(sample.data);
    this.#tracks.push(track);
    this.#samples.push(sample);
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
    const samples = this.#samples;
    for (let i = 0; i < samples.length; i += 1) {
      release((samples[i] as Sample).data);
    }
    this.#tracks = [];
    this.#samples = [];
    this.#bytes = 0;
    this.#isOpen = false;
  }
}
