import { rethrowUnexpected } from '../../base/errors.ts';
import { SampleBuffer, VIDEO_SAMPLES } from '../sample/sample-buffer.ts';
import { release } from '../sample/slab.ts';
import type { VideoTrack } from '../sample/track.ts';
import { DecodeTimes, type PictureOrder, type UnitTimes } from './decode-times.ts';
import type { UnitSink } from './depacketizer.ts';

/** What the codec reads from a complete unit. */
export interface FrameRules {
  /** Whether the last unit read is a key frame. */
  readonly isKey: boolean;
  /** Position in output order, or undefined if frames arrive in it. */
  readonly order: number | undefined;
  /** Description of the last key frame: the same object until it changes, or undefined if not yet known. */
  readonly track: VideoTrack | undefined;
  readonly pictureOrder: PictureOrder;
  /** Reads the headers of a complete unit. @returns false without a picture @throws PerchError when they are invalid */
  read(data: Uint8Array, start: number, end: number): boolean;
  /** The unit as delivered; a replacement releases the original (`slab.ts`). */
  complete(unit: Uint8Array): Uint8Array;
}

/** For `complete`: a copy of the unit after the header; the unit is released. */
export function withHeader(header: Uint8Array, unit: Uint8Array): Uint8Array {
  const whole = new Uint8Array(header.length + unit.length);
  whole.set(header);
  whole.set(unit, header.length);
  release(unit);
  return whole;
}

/** Order of tracks whose frames arrive in output order. */
export const IN_ORDER: PictureOrder = { maxReorderFrames: 0, pocStep: 1, frameTicks: undefined };

/** Leading frames, which refer to frames before the key frame, follow it within this time. */
const LEADING_TICKS = 5 * 90_000;

/**
 * Assembles payloads into frames, for codecs whose packets signal the start of a frame: AV1, VP8, VP9, MPEG-4 part 2, MPEG-1 and MPEG-2
 * video. A unit ends at its marker, or at the next timestamp. If a unit continues after a marker, this sender's markers end packets,
 * not frames, and are ignored.
 *
 * After damage units are dropped up to the next key frame: viewers see a still picture, not a smeared one.
 */
export class FrameAssembler {
  /** Filled by the depacketizer; through `append` if it may overflow. */
  readonly buffer = new SampleBuffer(VIDEO_SAMPLES);
  readonly #rules: FrameRules;
  readonly #sink: UnitSink;
  readonly #times: UnitTimes;
  #track: VideoTrack | undefined;
  #ticks = Number.NaN;
  /** A marker has ended the unit at `#ticks`. */
  #isEnded = true;
  #isDamaged = false;
  #isWaiting = true;
  #areMarkersWrong = false;
  #leadingBefore = Number.NEGATIVE_INFINITY;

  /**
   * @param times decode times, where the container has them
   * @param isFile read from any place: frames before the first key frame are delivered
   */
  constructor(rules: FrameRules, sink: UnitSink, times: UnitTimes = new DecodeTimes(), isFile = false) {
    this.#rules = rules;
    this.#sink = sink;
    this.#times = times;
    this.#isWaiting = !isFile;
  }

  /** The current unit is damaged; its bytes are dropped. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** @param track from the SDP */
  announce(track: VideoTrack): void {
    this.#describe(track);
  }

  /** False: the sender's markers do not end pictures. */
  get believesMarkers(): boolean {
    return !this.#areMarkersWrong;
  }

  /** Whether a packet with this timestamp continues the current unit. */
  continues(ticks: number): boolean {
    return ticks === this.#ticks && !this.#isEnded;
  }

  /** Packets are missing, and with them references of later frames. */
  gap(): void {
    this.damage('packets are missing');
    this.#ticks = Number.NaN;
  }

  /**
   * Called for each packet.
   * @param isStart the packet starts a frame
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

  /** Call after the packet with the RTP marker bit. */
  marker(): void {
    if (!this.#areMarkersWrong) {
      this.end();
    }
  }

  /** The unit is complete, with or without a marker. */
  end(): void {
    this.#flush();
    this.#isEnded = true;
  }

  /** The current unit is incomplete. */
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
      rethrowUnexpected(error);
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
