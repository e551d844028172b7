import type { Depacketizer, UnitSink } from '../payload/depacketizer.ts';
import { FrameAssembler } from '../payload/frame-assembler.ts';
import { Vp8Rules } from './params.ts';

// Payload descriptor, RFC 7741 §4.2: X R N S R PID | I L T K | M PictureID … | TL0PICIDX | TID Y KEYIDX.
const HAS_EXTENSION = 0x80;
const STARTS_PARTITION = 0x10;
const PARTITION = 0x07;
const HAS_PICTURE_ID = 0x80;
const HAS_TL0PICIDX = 0x40;
const HAS_TID_OR_KEYIDX = 0x30;
const IS_LONG_PICTURE_ID = 0x80;

/** RFC 7741. A frame begins with the start of partition 0. */
export class Vp8Depacketizer implements Depacketizer {
  readonly #units: FrameAssembler;

  constructor(sink: UnitSink) {
    this.#units = new FrameAssembler(new Vp8Rules(), sink);
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    const units = this.#units;
    if (gap) {
      units.gap();
    }
    if (start < end) {
      const flags = chunk[start] as number;
      const isStart = (flags & STARTS_PARTITION) !== 0 && (flags & PARTITION) === 0;
      if (isStart && units.continues(ticks)) {
        units.end();
      }
      units.begin(ticks, isStart);
      const payload = payloadStart(chunk, start, end);
      if (payload < end) {
        units.append(chunk, payload, end);
      } else {
        units.damage(`VP8 packet of ${end - start} bytes holds no payload`);
      }
    }
    if (marker) {
      units.marker();
    }
  }
}

/** First byte after the payload descriptor; may exceed `end`. */
function payloadStart(chunk: Uint8Array, start: number, end: number): number {
  if (((chunk[start] as number) & HAS_EXTENSION) === 0 || start + 1 >= end) {
    return start + 1;
  }
  const extension = chunk[start + 1] as number;
  let at = start + 2;
  if ((extension & HAS_PICTURE_ID) !== 0) {
    at += at < end && ((chunk[at] as number) & IS_LONG_PICTURE_ID) !== 0 ? 2 : 1;
  }
  at += (extension & HAS_TL0PICIDX) === 0 ? 0 : 1;
  return at + ((extension & HAS_TID_OR_KEYIDX) === 0 ? 0 : 1);
}
