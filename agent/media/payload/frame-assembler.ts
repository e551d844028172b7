import { PerchError } from '../../base/errors.ts';
import { SampleBuffer, VIDEO_SAMPLES } from '../sample/sample-buffer.ts';
import type { VideoTrack } from '../sample/track.ts';
import { DecodeTimes, type PictureOrder } from './decode-times.ts';
import type { UnitSink } from './depacketizer.ts';

/** What the assembly asks the codec about a whole unit. */
export interface FrameRules {
  /** Of the unit that was read last. */
  readonly isKey: boolean;
  /** Where the frame stands in the order of display; undefined: frames come in that order. */
  readonly order: number | undefined;
  /** The description that the last key frame refers to, the same object while nothing changes; undefined: not known yet. */
  readonly track: VideoTrack | undefined;
  readonly pictureOrder: PictureOrder;
  /** Reads the headers of a whole unit. False: there is no picture in it. Throws a PerchError when it cannot be read. */
  read(data: Uint8Array, start: number, end: number): boolean;
  /** The unit as it is given on; another in its place releases it (`slab.ts`). */
  complete(unit: Uint8Array): Uint8Array;
}

/** A track whose frames come in the order of display. */
export const IN_ORDER: PictureOrder = { maxReorderFrames: 0, pocStep: 1, frameTicks: undefined };

/** Frames that precede the key frame one joined at and refer to what was before it come right behind it. */
const LEADING_TICKS = 5 * 90_000;

/**
 * Puts payloads together to frames, for codecs whose packets say where a frame begins: AV1, VP8, VP9, MPEG-4 part 2.
 * A unit ends at its marker, and where that is missing at the next timestamp. If its rest follows a marker, the markers of this sender lie
 * (they end packets, not pictures), and are not looked at again.
 *
 * After damage nothing is given on until the next key frame: a viewer sees a still picture, not a smeared one.
 */
export class FrameAssembler {
  /** Where the depacketizer puts what it has; only through `append` where it may overflow. */
  readonly buffer = new SampleBuffer(VIDEO_SAMPLES);
  readonly #rules: FrameRules;
  readonly #sink: UnitSink;
  readonly #times = new DecodeTimes();
  #track: VideoTrack | undefined;
  #ticks = Number.NaN;
  /** The marker has ended the unit at `#ticks`. */
  #isEnded = true;
  #isDamaged = false;
  #isWaiting = true;
  #areMarkersWrong = false;
  #leadingBefore = Number.NEGATIVE_INFINITY;

  constructor(rules: FrameRules, sink: UnitSink) {
    this.#rules = rules;
    this.#sink = sink;
  }

  /** Bytes of this unit are not wanted: it is damaged already. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** The description is known already, from the SDP. */
  announce(track: VideoTrack): void {
    this.#describe(track);
  }

  /** Markers of this sender end pictures, as far as is known. */
  get believesMarkers(): boolean {
    return !this.#areMarkersWrong;
  }

  /** Whether a packet of this time continues the current unit. */
  continues(ticks: number): boolean {
    return ticks === this.#ticks && !this.#isEnded;
  }

  /** Packets are missing: what is gathered is incomplete, and so is the chain of references. */
  gap(): void {
    this.damage('packets are missing');
    this.#ticks = Number.NaN;
  }

  /**
   * A packet of this time comes.
   * @param isStart a frame begins with it
   */
  begin(ticks: number, isStart: boolean): void {
    if (this.continues(ticks)) {
      return;
    }
    const isRestOfMarked = ticks === this.#ticks && !isStart;
    this.#flush();
    this.#ticks = ticks;
    this.#isEnded = false;
    this.#isDamaged = false;
    if (!isStart) {
      this.#areMarkersWrong ||= isRestOfMarked;
      this.damage(
        isRestOfMarked ? 'packets follow the marker: this sender sets it too early' : 'a frame has no beginning',
      );
    }
  }

  append(data: Uint8Array, start: number, end: number): void {
    if (!this.#isDamaged && !this.buffer.append(data, start, end)) {
      this.overflow();
    }
  }

  overflow(): void {
    this.damage(`frame is larger than ${VIDEO_SAMPLES.maxSampleBytes} bytes`);
  }

  /** The packet with the RTP marker bit is through. */
  marker(): void {
    if (!this.#areMarkersWrong) {
      this.end();
    }
  }

  /** The unit is complete, whatever the marker says. */
  end(): void {
    this.#flush();
    this.#isEnded = true;
  }

  /** The unit in the making cannot be completed. */
  damage(reason: string): void {
    const isNews = !this.#isDamaged && !this.#isWaiting;
    this.#isDamaged = true;
    this.#isWaiting = true;
    this.#times.restart();
    this.buffer.drop();
    if (isNews) {
      this.#sink.onDamage(reason);
    }
  }

  #flush(): void {
    const { slab, start, tail } = this.buffer;
    if (start === tail || this.#isDamaged) {
      return;
    }
    let hasPicture: boolean;
    try {
      hasPicture = this.#rules.read(slab, start, tail);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.damage(error.message);
      return;
    }
    if (hasPicture && this.#isWanted()) {
      this.#deliver();
    }
    this.buffer.drop();
  }

  #isWanted(): boolean {
    if (this.#rules.isKey) {
      return this.#rules.track !== undefined;
    }
    const leads = this.#leadingBefore - this.#ticks;
    return !this.#isWaiting && !(leads > 0 && leads < LEADING_TICKS);
  }

  #deliver(): void {
    const { isKey, track, order, pictureOrder } = this.#rules;
    if (isKey && track && track !== this.#track) {
      this.#describe(track);
    }
    if (!this.#times.next(this.#ticks, order, isKey)) {
      this.damage('frames are reordered deeper than was known');
      return;
    }
    if (isKey) {
      const mayLead = this.#isWaiting && pictureOrder !== IN_ORDER;
      this.#leadingBefore = mayLead ? this.#ticks : Number.NEGATIVE_INFINITY;
      this.#isWaiting = false;
    }
    const unit = this.#rules.complete(this.buffer.take());
    this.#sink.onUnit(this.#times.pts, this.#times.dts, isKey, unit);
  }

  #describe(track: VideoTrack): void {
    this.#track = track;
    this.#times.configure(this.#rules.pictureOrder);
    this.#sink.onTrack(track);
  }
}
