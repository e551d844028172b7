import type { Depacketizer, UnitSink } from '../payload/depacketizer.ts';
import { FrameAssembler } from '../payload/frame-assembler.ts';
import { Vp9Rules } from './params.ts';

// Payload descriptor, RFC 9628 §4.2: I P L F B E V Z | M PictureID … | TID U SID D | TL0PICIDX | P_DIFF N … | scalability structure.
const HAS_PICTURE_ID = 0x80;
const IS_PREDICTED = 0x40;
const HAS_LAYERS = 0x20;
const IS_FLEXIBLE = 0x10;
const STARTS_FRAME = 0x08;
const HAS_STRUCTURE = 0x02;
const IS_LONG_PICTURE_ID = 0x80;
const MORE_REFERENCES = 0x01;

/**
 * RFC 9628. Only the lowest spatial layer is kept, because no other is decodable alone:
 * a sample is one frame of one size.
 */
export class Vp9Depacketizer implements Depacketizer {
  readonly #units: FrameAssembler;
  /** Offset of the payload after the last descriptor read, and its spatial layer. */
  #payload = 0;
  #spatialLayer = 0;

  constructor(sink: UnitSink) {
    this.#units = new FrameAssembler(new Vp9Rules(), sink);
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    const units = this.#units;
    if (gap) {
      units.gap();
    }
    if (start < end) {
      this.#readDescriptor(chunk, start, end);
      if (this.#spatialLayer === 0) {
        const isStart = ((chunk[start] as number) & STARTS_FRAME) !== 0;
        if (isStart && units.continues(ticks)) {
          units.end();
        }
        units.begin(ticks, isStart);
        if (this.#payload < end) {
          units.append(chunk, this.#payload, end);
        } else {
          units.damage(`VP9 packet of ${end - start} bytes holds no payload`);
        }
      }
    }
    if (marker) {
      units.marker();
    }
  }

  #readDescriptor(chunk: Uint8Array, start: number, end: number): void {
    const flags = chunk[start] as number;
    let at = start + 1;
    this.#spatialLayer = 0;
    if ((flags & HAS_PICTURE_ID) !== 0) {
      at += at < end && ((chunk[at] as number) & IS_LONG_PICTURE_ID) !== 0 ? 2 : 1;
    }
    if ((flags & HAS_LAYERS) !== 0) {
      this.#spatialLayer = at < end ? ((chunk[at] as number) >> 1) & 7 : 0;
      at += (flags & IS_FLEXIBLE) === 0 ? 2 : 1;
    }
    if ((flags & IS_FLEXIBLE) !== 0 && (flags & IS_PREDICTED) !== 0) {
      let more = true;
      for (let i = 0; i < 3 && more && at < end; i += 1) {
        more = ((chunk[at] as number) & MORE_REFERENCES) !== 0;
        at += 1;
      }
    }
    this.#payload = (flags & HAS_STRUCTURE) === 0 ? at : structureEnd(chunk, at, end);
  }
}

/** RFC 9628 §4.2.1: N_S Y G, sizes of the layers, then the pictures of a group with their references. May exceed `end`. */
function structureEnd(chunk: Uint8Array, start: number, end: number): number {
  if (start >= end) {
    return end;
  }
  const flags = chunk[start] as number;
  let at = start + 1;
  at += (flags & 0x10) === 0 ? 0 : 4 * ((flags >> 5) + 1);
  if ((flags & 0x08) === 0 || at >= end) {
    return at;
  }
  const pictures = chunk[at] as number;
  at += 1;
  for (let i = 0; i < pictures && at < end; i += 1) {
    at += 1 + (((chunk[at] as number) >> 2) & 3);
  }
  return at;
}
