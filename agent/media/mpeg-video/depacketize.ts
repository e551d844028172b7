import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { MpegVideoFrames } from './frames.ts';

const CLOCK_HZ = 90_000;
/** RFC 2250 §3.4: MBZ 5, T 1, temporal reference 10, flags 5, picture type 3, vectors 8. */
export const RTP_HEADER_BYTES = 4;
/** T: four bytes of MPEG-2 follow. */
const HAS_EXTENSION = 0x04;
/** E of these (§3.4.1): their own extension follows, whose first byte counts its words. */
const HAS_DATA = 0x40;
const EXTENSION_BYTES = 4;

/** Undefined: a non-standard clock. */
export function createMpegVideoDepacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  return format.clockRate === CLOCK_HZ ? new MpegVideoDepacketizer(sink) : undefined;
}

/** RFC 2250 §3: the elementary stream after a header of each packet; the marker ends a picture. */
class MpegVideoDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  readonly #frames: MpegVideoFrames;
  #isGap = false;

  constructor(sink: UnitSink) {
    this.#sink = sink;
    this.#frames = new MpegVideoFrames(sink);
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    let at = start + RTP_HEADER_BYTES;
    if (at < end && (chunk[start] as number) & HAS_EXTENSION) {
      const hasData = ((chunk[at] as number) & HAS_DATA) !== 0;
      at += EXTENSION_BYTES;
      at += hasData && at < end ? 4 * (chunk[at] as number) : 0;
    }
    if (at >= end) {
      this.#isGap = true;
      this.#sink.onDamage(`MPEG video packet of ${end - start} bytes without payload`);
      return;
    }
    this.#frames.push(chunk, at, end, ticks, marker, gap || this.#isGap);
    this.#isGap = false;
  }
}
