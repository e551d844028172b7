import { parseH264Sps } from '../media/h264/params.ts';
import { h264Placeholder } from '../media/h264/placeholder.ts';
import { parseH265Sps } from '../media/h265/params.ts';
import { h265Placeholder } from '../media/h265/placeholder.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../media/rtp/header.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { Track, VideoTrack } from '../media/sample/track.ts';
import { payloadTypeOf } from '../media/sdp/write.ts';
import { FRAME_HEADER_BYTES, type InterleavedWriter } from './interleaved-writer.ts';

/** Default frame interval in ticks of 90 kHz. */
const FRAME_TICKS = 3_600;
/** Shorter intervals are not measured: before the reordering is known, decode times are one tick apart. In ticks of 90 kHz. */
const MIN_FRAME_TICKS = 90;

/**
 * Access units without a picture, sent before a reader's first key frame.
 *
 * libavformat's parser gives no timestamp to the first access unit of a stream, and no decode timestamp to as many access units as
 * pictures are reordered (av_parser_parse2, compute_pkt_fields). A stream that begins at a key frame with B-frames can then not be
 * copied to a file, and the copy of one without B-frames begins with two pictures of the same time. With placeholders, only these
 * lack timestamps. They are not key frames, so a copy leaves them out, and decoders drop them.
 */
export class Placeholders {
  readonly #writer: InterleavedWriter;
  readonly #track: number;
  #description: Track | undefined;
  #payload: Uint8Array | undefined;
  /** Reordered frames by the parameter sets, or undefined if not signalled. */
  #reorderFrames: number | undefined;
  /** Measured frame interval; 0: not measured yet. */
  #measuredTicks = 0;
  #lastDts = Number.NaN;
  /** pts and dts of the last key sample. */
  #keyPts = 0;
  #keyDts = 0;
  /** Lowest pts since the last key sample: leading pictures precede their key picture. */
  #minPts = 0;

  /** @param track at whose key frames readers begin */
  constructor(writer: InterleavedWriter, track: number) {
    this.#writer = writer;
    this.#track = track;
  }

  /** Number of placeholders before the last key frame, one packet each. @param description current one of the track */
  countFor(description: Track): number {
    if (description !== this.#description) {
      this.#description = description;
      this.#payload = undefined;
      if (description.codec === 'h264') {
        this.#payload = h264Placeholder(description);
        this.#reorderFrames = parseH264Sps(description.sps).maxReorderFrames;
      } else if (description.codec === 'h265') {
        this.#payload = h265Placeholder(description);
        this.#reorderFrames = parseH265Sps(description.sps).maxReorderFrames;
      }
    }
    return this.#payload ? 1 + this.#depth : 0;
  }

  onSample({ pts, dts, key }: Sample): void {
    const distance = dts - this.#lastDts;
    // A longer interval is a pause. In ticks of 90 kHz.
    if (distance >= MIN_FRAME_TICKS && distance <= 90_000) {
      this.#measuredTicks = distance;
    }
    this.#lastDts = dts;
    if (key) {
      this.#keyPts = pts;
      this.#keyDts = dts;
      this.#minPts = pts;
    } else if (pts < this.#minPts) {
      this.#minPts = pts;
    }
  }

  /** The interleaved frames of `countFor`. @param sequence number of the key frame's first packet */
  frames(description: Track, sequence: number): Buffer {
    const count = this.countFor(description);
    const payload = this.#payload ?? new Uint8Array(0);
    const firstPts = Math.min(this.#minPts, this.#keyDts + this.#depth * this.#frameTicks);
    const bytes = RTP_HEADER_BYTES + payload.length;
    const chunk = Buffer.alloc(count * (FRAME_HEADER_BYTES + bytes));
    const ssrc = this.#writer.ssrcs[this.#track] as number;
    for (let before = count, at = 0; before > 0; before -= 1) {
      const time = this.#writer.rtpTimeOf(this.#track, firstPts - before * this.#frameTicks);
      chunk.set([0x24, 2 * this.#track, bytes >> 8, bytes & 0xff], at);
      at += FRAME_HEADER_BYTES;
      writeRtpHeader(chunk, at, true, payloadTypeOf(description, this.#track), sequence - before, time, ssrc);
      chunk.set(payload, at + RTP_HEADER_BYTES);
      at += bytes;
    }
    return chunk;
  }

  get #frameTicks(): number {
    const { fps } = this.#description as VideoTrack;
    return this.#measuredTicks || (fps === undefined ? FRAME_TICKS : Math.round(90_000 / fps));
  }

  /** Depth of reordering: pictures that precede another in decoding order and follow it in output order. */
  get #depth(): number {
    const seen = Math.round((this.#keyPts - this.#keyDts) / this.#frameTicks);
    // H.264 §A.3.1, H.265 §A.4.2.
    return this.#reorderFrames ?? Math.min(seen, 16);
  }
}
