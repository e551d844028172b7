import { TrackRunBuffer } from '../../../media/mp4/write/track-run.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { Track } from '../../../media/sample/track.ts';
import { type SilentFrame, silentFrame } from '../../../media/silence.ts';

const USUAL_FRAME_S = 0.04;
/** A picture that stands longer is not a duration to expect of the next one. */
const MAX_GUESS_S = 1;

/** Sound that is missing for this long, while pictures come, has halted: some publishers collect it for nearly as long. */
const HALTED_S = 1;
/** At most this much is filled with silence: pictures may have jumped. */
const MAX_FILLED_S = 2;

/** A track of the live output, and its samples that wait for the next fragment. */
export class TrackFragmenter extends TrackRunBuffer {
  /** Its description has changed: its samples wait for the next init segment. */
  isStale = false;
  /** Decode time at which the newest sample probably ends; 0: there was none. */
  endDts = 0;
  /** Media time of the pictures when a sample of it came last, or first could have. */
  #heardS: number | undefined;
  #silence: SilentFrame | undefined;
  /** Decode time up to which there is silence. */
  #filledDts = Number.NEGATIVE_INFINITY;

  constructor(number: number, track: Track) {
    super(number, track);
    this.describe(track);
  }

  /** How long all that waits is, in seconds. */
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
      this.append({ pts: dts, dts, wall: 0, key: true, data });
      this.endDts = dts + ticks;
      this.#filledDts = this.endDts;
    }
  }

  #dtsAt(mediaS: number): number {
    return Math.round(mediaS * this.track.clockRate) + this.originDts;
  }
}
