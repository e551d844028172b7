import { TrackRunBuffer } from '../../../media/mp4/write/track-run.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { Track } from '../../../media/sample/track.ts';
import { type SilentFrame, silentFrame } from '../../../media/silence.ts';

const USUAL_FRAME_S = 0.04;
/** The interval before the newest sample predicts the next one, unless it is longer than this. */
const MAX_GUESS_S = 1;

/** Audio that is missing for this long has stopped; some publishers buffer it for nearly as long. */
const HALTED_S = 1;

/** A track of live fMP4 and its samples for the next fragment. */
export class TrackFragmenter extends TrackRunBuffer {
  /** The track's description has changed: its samples wait for the next init segment. */
  isStale = false;
  /** Expected decode time after the newest sample; 0: none. */
  endDts = 0;
  /** Media time of the video at the last sample, or when the first one was due. */
  #heardS: number | undefined;
  #silence: SilentFrame | undefined;
  /** End of the generated silence, decode time. */
  #filledDts = Number.NEGATIVE_INFINITY;

  constructor(number: number, track: Track) {
    super(number, track);
    this.describe(track);
  }

  /** Duration of the pending samples, in seconds. */
  get pendingS(): number {
    const { first } = this;
    return first ? (this.endDts - first.dts) / this.track.clockRate : 0;
  }

  describe(track: Track): void {
    this.track = track;
    this.#silence = silentFrame(track);
    const fps = track.kind === 'video' ? track.fps : undefined;
    this.intervalTicks = Math.round((fps !== undefined && fps > 0 ? 1 / fps : USUAL_FRAME_S) * track.clockRate);
  }

  override append(sample: Sample): boolean {
    const usualTicks = this.intervalTicks;
    if (!super.append(sample)) {
      return false;
    }
    if (this.intervalTicks > MAX_GUESS_S * this.track.clockRate) {
      this.intervalTicks = usualTicks;
    }
    this.endDts = this.endDtsOf(this.count);
    return true;
  }

  /** Whether the sample is too late: silence was sent in its place. */
  isFilled({ dts }: Sample): boolean {
    return dts < this.#filledDts;
  }

  onHeard(pictureS: number): void {
    this.#heardS = pictureS;
  }

  /**
   * Generates silence up to the video time after audio has stopped: browsers stop the video where one track ends. Also
   * for cameras that announce audio and never send any.
   */
  fill(pictureS: number): void {
    this.#heardS ??= pictureS;
    if (!this.#silence || pictureS - this.#heardS < HALTED_S) {
      return;
    }
    const { data, ticks } = this.#silence;
    const untilDts = this.#dtsAt(pictureS);
    const beginDts = this.endDts > 0 ? this.endDts : this.#dtsAt(this.#heardS);
    // Limit of generated silence: the video time may have jumped.
    const oldestDts = this.#dtsAt(pictureS - 2);
    for (let dts = Math.max(beginDts, oldestDts); dts + ticks <= untilDts; dts += ticks) {
      this.append({ pts: dts, dts, wall: 0, key: true, data });
      this.endDts = dts + ticks;
      this.#filledDts = this.endDts;
    }
  }

  #dtsAt(mediaS: number): number {
    return Math.round(mediaS * this.track.clockRate) + this.originDts;
  }
}
