import { opusFrameTicks } from '../../../media/opus/params.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import { hold, release } from '../../../media/sample/slab.ts';
import type { Track } from '../../../media/sample/track.ts';
import { type SilentFrame, silentFrame } from '../../../media/silence.ts';

const USUAL_FRAME_S = 0.04;
/** A picture that stands longer is not a duration to expect of the next one. */
const MAX_GUESS_S = 1;

/** Sound that does not come for so long, while pictures do, has halted: some publishers collect it for nearly as long. */
const HALTED_S = 1;
/** Of the time that it has halted so much is filled, at most: pictures may have jumped. */
const MAX_FILLED_S = 2;

/** A track among those that are sent, and its samples that wait to be. */
export class Lane {
  /** Place in the list that the init segment is made of. */
  readonly number: number;
  track: Track;
  /** What is taken off its times. */
  originTicks = 0;
  /** Described anew: its samples wait for the next init segment. */
  isStale = false;
  /** Held. */
  pending: Sample[] = [];
  /** Decode time at which the last of them ends, as far as one knows. */
  endDts = 0;
  /** Media time of the pictures when a sample of it came last, or first could have. */
  #heardS: number | undefined;
  #silence: SilentFrame | undefined;
  /** Decode time up to which there is silence. */
  #filledDts = Number.NEGATIVE_INFINITY;
  #lastDts = Number.NaN;
  /** How long a sample lasts of which the next is not known yet. */
  #usualTicks = 0;

  constructor(number: number, track: Track) {
    this.number = number;
    this.track = track;
    this.describe(track);
  }

  /** How long all that waits is, in seconds. */
  get pendingS(): number {
    const first = this.pending[0];
    return first ? (this.endDts - first.dts) / this.track.clockRate : 0;
  }

  describe(track: Track): void {
    this.track = track;
    this.#silence = silentFrame(track);
    const fps = track.kind === 'video' ? track.fps : undefined;
    const seconds = fps !== undefined && fps > 0 ? 1 / fps : USUAL_FRAME_S;
    this.#usualTicks = 'frameSamples' in track ? track.frameSamples : Math.round(seconds * track.clockRate);
  }

  push(sample: Sample): void {
    this.endDts = sample.dts + this.#expect(sample);
    hold(sample.data);
    this.pending.push(sample);
  }

  /** Whether the sample comes too late: there is silence in its place. */
  isFilled({ dts }: Sample): boolean {
    return dts < this.#filledDts;
  }

  /** A sample has come while the pictures were there. */
  onHeard(pictureS: number): void {
    this.#heardS = pictureS;
  }

  /**
   * Puts silence where sound has halted, up to the picture: browsers stop the picture where one of the tracks ends. Also where a camera
   * announces sound and never sends any.
   */
  fill(pictureS: number): void {
    this.#heardS ??= pictureS;
    if (!this.#silence || pictureS - this.#heardS < HALTED_S) {
      return;
    }
    const { data, ticks } = this.#silence;
    const untilDts = this.#dtsAt(pictureS);
    const beginDts = this.endDts > 0 ? this.endDts : this.#dtsAt(this.#heardS);
    const oldestDts = this.#dtsAt(pictureS - MAX_FILLED_S);
    for (let dts = Math.max(beginDts, oldestDts); dts + ticks <= untilDts; dts += ticks) {
      this.push({ pts: dts, dts, wall: 0, key: true, data });
      this.endDts = dts + ticks;
      this.#filledDts = this.endDts;
    }
  }

  #dtsAt(mediaS: number): number {
    return Math.round(mediaS * this.track.clockRate) + this.originTicks;
  }

  letGo(): void {
    for (const { data } of this.pending) {
      release(data);
    }
    this.pending = [];
  }

  /** @returns how long the sample probably lasts, in ticks */
  #expect(sample: Sample): number {
    const { track } = this;
    const ticks = sample.dts - this.#lastDts;
    this.#lastDts = sample.dts;
    if (track.codec === 'opus') {
      this.#usualTicks = opusFrameTicks(sample.data) || this.#usualTicks;
    } else if (!('frameSamples' in track) && ticks > 0 && ticks <= MAX_GUESS_S * track.clockRate) {
      this.#usualTicks = ticks;
    }
    return this.#usualTicks;
  }
}
