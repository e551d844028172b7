import { rethrowUnexpected } from '../../base/errors.ts';
import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../sample/sample-buffer.ts';
import type { MpegAudioTrack } from '../sample/track.ts';
import { type MpegAudioFrame, parseMpegAudioFrame } from './params.ts';

/** Two bytes of 0, then Frag_offset. */
const RTP_HEADER_BYTES = 4;
/** For every sample rate: RFC 3551 §4.5.13. */
const CLOCK_HZ = 90_000;

/** Undefined: a non-standard clock. The first frame describes the track, because the SDP does not. */
export function createMpegAudioDepacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  return format.clockRate === CLOCK_HZ ? new MpegAudioDepacketizer(sink) : undefined;
}

/** RFC 2250 §3.5: a packet holds whole frames, or one fragment of a frame with its offset. */
class MpegAudioDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);
  #track: MpegAudioTrack | undefined;
  /** Time and complete size of the current fragmented frame; 0 bytes: none. */
  #fragmentTicks = 0;
  #fragmentedBytes = 0;

  constructor(sink: UnitSink) {
    this.#sink = sink;
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, _marker: boolean, gap: boolean): void {
    if (this.#fragmentedBytes > 0 && gap) {
      this.#damage('a fragment of an MPEG audio frame is missing');
    }
    const at = start + RTP_HEADER_BYTES;
    if (at >= end) {
      return;
    }
    const offset = ((chunk[start + 2] as number) << 8) | (chunk[start + 3] as number);
    if (offset > 0) {
      this.#continue(chunk, at, end, offset);
      return;
    }
    if (this.#fragmentedBytes > 0) {
      this.#damage('a fragmented MPEG audio frame has no end');
    }
    try {
      this.#frames(chunk, at, end, ticks);
    } catch (error) {
      rethrowUnexpected(error);
      this.#damage(error.message);
    }
  }

  /** Whole frames; the last may be incomplete. */
  #frames(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    let at = start;
    let pts = ticks;
    while (at < end) {
      const frame = parseMpegAudioFrame(chunk, at, end);
      this.#describe(frame);
      const next = at + frame.sizeBytes;
      this.#buffer.append(chunk, at, Math.min(next, end));
      if (next > end) {
        this.#fragmentTicks = Math.round(pts);
        this.#fragmentedBytes = frame.sizeBytes;
        return;
      }
      this.#sink.onUnit(Math.round(pts), Math.round(pts), true, this.#buffer.take());
      pts += (frame.frameSamples * CLOCK_HZ) / frame.sampleRate;
      at = next;
    }
  }

  #continue(chunk: Uint8Array, start: number, end: number, offset: number): void {
    const buffer = this.#buffer;
    if (this.#fragmentedBytes === 0) {
      // The start of the frame is missing.
      return;
    }
    if (offset !== buffer.sizeBytes || offset + end - start > this.#fragmentedBytes) {
      const range = `${end - start} bytes at ${offset}`;
      this.#damage(`fragment of ${range} of an MPEG audio frame of ${this.#fragmentedBytes} with ${buffer.sizeBytes}`);
      return;
    }
    buffer.append(chunk, start, end);
    if (buffer.sizeBytes === this.#fragmentedBytes) {
      this.#fragmentedBytes = 0;
      this.#sink.onUnit(this.#fragmentTicks, this.#fragmentTicks, true, buffer.take());
    }
  }

  /** The first frame, or a change of anything but bit rate and padding. */
  #describe({ version, layer, sampleRate, channels }: MpegAudioFrame): void {
    const old = this.#track;
    if (old?.version === version && old.layer === layer && old.sampleRate === sampleRate && old.channels === channels) {
      return;
    }
    this.#track = { kind: 'audio', codec: 'mpeg-audio', clockRate: CLOCK_HZ, version, layer, sampleRate, channels };
    this.#sink.onTrack(this.#track);
  }

  #damage(reason: string): void {
    this.#fragmentedBytes = 0;
    this.#buffer.drop();
    this.#sink.onDamage(reason);
  }
}
