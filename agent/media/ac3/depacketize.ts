import { PerchError, rethrowUnexpected } from '../../base/errors.ts';
import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { FormatChange } from '../sample/format-change.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../sample/sample-buffer.ts';
import { AC3, type Ac3Frame, type Ac3Variant, FRAME_SAMPLES } from './params.ts';

/** Six bits of 0, the frame type (2), then the number of frames or of fragments (8). */
const RTP_HEADER_BYTES = 2;
const WHOLE_FRAMES = 0;
const LATER_FRAGMENT = 3;
const CLOCK_RATES_HZ = [32_000, 44_100, 48_000];

/** Undefined: the clock is not a sample rate of AC-3. The first frame describes the track, because the SDP is incomplete. */
export const createAc3Depacketizer = (format: RtpFormat, sink: UnitSink): Depacketizer | undefined =>
  createDepacketizer(AC3, (header) => header & 3, format, sink);

/**
 * RFC 4184 §4.1, RFC 4598 §4.1: a packet holds whole frames, or one fragment of a frame. How many frames there are, and
 * where one ends, is read from the frames themselves.
 * @param typeOf frame type by the first byte of the payload: 0 whole frames, 3 a later fragment, else the first one
 */
export function createDepacketizer(
  variant: Ac3Variant,
  typeOf: (header: number, isFragmented: boolean) => number,
  format: RtpFormat,
  sink: UnitSink,
): Depacketizer | undefined {
  return CLOCK_RATES_HZ.includes(format.clockRate)
    ? new Ac3Depacketizer(variant, typeOf, format.clockRate, sink)
    : undefined;
}

class Ac3Depacketizer implements Depacketizer {
  readonly #variant: Ac3Variant;
  readonly #typeOf: (header: number, isFragmented: boolean) => number;
  readonly #rtpClockHz: number;
  readonly #sink: UnitSink;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);
  readonly #change = new FormatChange();
  /** Time and complete size of the current fragmented frame; 0 bytes: none. */
  #fragmentTicks = 0;
  #fragmentedBytes = 0;

  constructor(
    variant: Ac3Variant,
    typeOf: (header: number, isFragmented: boolean) => number,
    rtpClockHz: number,
    sink: UnitSink,
  ) {
    this.#variant = variant;
    this.#typeOf = typeOf;
    this.#rtpClockHz = rtpClockHz;
    this.#sink = sink;
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, _marker: boolean, gap: boolean): void {
    if (this.#fragmentedBytes > 0 && (gap || ticks !== this.#fragmentTicks)) {
      this.#damage(`a fragment of an ${this.#variant.name} frame is missing`);
    }
    const at = start + RTP_HEADER_BYTES;
    if (at >= end) {
      return;
    }
    const type = this.#typeOf(chunk[start] as number, this.#fragmentedBytes > 0);
    if (type === LATER_FRAGMENT) {
      this.#continue(chunk, at, end);
      return;
    }
    if (this.#fragmentedBytes > 0) {
      this.#damage(`a fragmented ${this.#variant.name} frame has no end`);
    }
    try {
      this.#frames(chunk, at, end, ticks, type === WHOLE_FRAMES);
    } catch (error) {
      rethrowUnexpected(error);
      this.#damage(error.message);
    }
  }

  #frames(chunk: Uint8Array, start: number, end: number, ticks: number, isWhole: boolean): void {
    const { name, parse } = this.#variant;
    let at = start;
    for (let i = 0; at < end; ) {
      const frame = parse(chunk, at, end);
      const next = at + frame.sizeBytes;
      if (next > end && isWhole) {
        const message = `${name} frame of ${frame.sizeBytes} bytes in a packet with ${end - at} bytes left`;
        throw new PerchError('badInput', message);
      }
      if (frame.isFurther) {
        at = next;
        continue;
      }
      this.#describe(frame);
      this.#buffer.append(chunk, at, Math.min(next, end));
      if (next > end) {
        this.#fragmentTicks = ticks;
        this.#fragmentedBytes = frame.sizeBytes;
        return;
      }
      const pts = ticks + Math.round((i * FRAME_SAMPLES * this.#rtpClockHz) / frame.sampleRate);
      this.#sink.onUnit(pts, pts, true, this.#buffer.take());
      at = next;
      i += 1;
    }
  }

  #continue(chunk: Uint8Array, start: number, end: number): void {
    const buffer = this.#buffer;
    if (this.#fragmentedBytes === 0) {
      // The start of the frame is missing.
      return;
    }
    buffer.append(chunk, start, end);
    if (buffer.sizeBytes === this.#fragmentedBytes) {
      this.#fragmentedBytes = 0;
      this.#sink.onUnit(this.#fragmentTicks, this.#fragmentTicks, true, buffer.take());
    } else if (buffer.sizeBytes > this.#fragmentedBytes) {
      this.#damage(
        `fragments of an ${this.#variant.name} frame of ${this.#fragmentedBytes} bytes have ${buffer.sizeBytes}`,
      );
    }
  }

  #describe(frame: Ac3Frame): void {
    const change = this.#change.next(frame.fields);
    if (change === 'doubtful') {
      throw new PerchError('badInput', `${this.#variant.name} frame of another format`);
    }
    if (change === 'new') {
      this.#sink.onTrack(this.#variant.track(frame));
    }
  }

  #damage(reason: string): void {
    this.#fragmentedBytes = 0;
    this.#buffer.drop();
    this.#sink.onDamage(reason);
  }
}
