import type { Depacketizer, UnitSink } from '../payload/depacketizer.ts';
import { FrameAssembler } from '../payload/frame-assembler.ts';
import { isKeptObu, Leb128, OBU, OBU_EXTENSION, OBU_HAS_SIZE, obuType } from './obu.ts';
import { Av1Rules } from './rules.ts';

// Aggregation header, "RTP Payload Format For AV1" §4.4: Z Y W (2) N and three reserved bits.
const CONTINUES = 0x80;
const IS_CONTINUED = 0x40;
const STARTS_SEQUENCE = 0x08;
/** Bytes reserved for the size of a fragmented OBU, which is unknown at its start; the last may be 0. 2^28 is beyond every limit. */
const LATE_SIZE_BYTES = 4;

/**
 * "RTP Payload Format For AV1" (AOMedia): aggregation header, then OBU elements, each with its size (leb128) before it;
 * W, if not 0, is their number, and the last has no size. The first may continue an OBU of the previous packet (Z), the last may
 * continue in the next one (Y). OBUs arrive without size fields, which are added here.
 */
export class Av1Depacketizer implements Depacketizer {
  readonly #units: FrameAssembler;
  readonly #size = new Leb128();
  /** A fragmented OBU is open; the offset of its size from the start of the unit, or -1: dropped. */
  #isOpen = false;
  #openSizeAt = -1;

  constructor(sink: UnitSink) {
    this.#units = new FrameAssembler(new Av1Rules(), sink);
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    const units = this.#units;
    if (gap) {
      this.#isOpen = false;
      units.gap();
    }
    if (start < end) {
      const header = chunk[start] as number;
      if (!units.continues(ticks)) {
        this.#checkClosed();
      }
      units.begin(ticks, this.#startsUnit(chunk, start, end, gap));
      if (!units.isDamaged) {
        this.#elements(chunk, start + 1, end, header);
      }
    }
    if (marker && units.believesMarkers) {
      this.#checkClosed();
      units.end();
    }
  }

  /** After a gap, only an OBU that begins a unit proves that its first packets are complete. */
  #startsUnit(chunk: Uint8Array, start: number, end: number, gap: boolean): boolean {
    const header = chunk[start] as number;
    if (!gap || (header & (CONTINUES | STARTS_SEQUENCE)) !== 0) {
      return (header & CONTINUES) === 0;
    }
    const count = (header >> 4) & 3;
    const isSized = count !== 1 && this.#size.read(chunk, start + 1, end);
    const first = isSized ? this.#size.next : start + 1;
    const type = first < end ? obuType(chunk[first] as number) : 0;
    return type === OBU.temporalDelimiter || type === OBU.sequenceHeader;
  }

  #elements(chunk: Uint8Array, start: number, end: number, header: number): void {
    const count = (header >> 4) & 3;
    let at = start;
    for (let i = 0; at < end; i += 1) {
      let to = end;
      if (i + 1 !== count) {
        if (!this.#size.read(chunk, at, end) || this.#size.next + this.#size.value > end) {
          this.#damage(`OBU element ${i} of an AV1 packet ends after it`);
          return;
        }
        at = this.#size.next;
        to = at + this.#size.value;
      }
      const isContinued = to === end && (header & IS_CONTINUED) !== 0;
      if (i === 0 && (header & CONTINUES) !== 0) {
        this.#continue(chunk, at, to, isContinued);
      } else if (at < to) {
        this.#begin(chunk, at, to, isContinued);
      }
      at = to;
    }
  }

  #begin(chunk: Uint8Array, start: number, end: number, isContinued: boolean): void {
    this.#checkClosed();
    const header = chunk[start] as number;
    let at = start + ((header & OBU_EXTENSION) === 0 ? 1 : 2);
    let to = end;
    if ((header & OBU_HAS_SIZE) !== 0) {
      const isReadable = this.#size.read(chunk, at, end);
      at = this.#size.next;
      if (!isReadable || (!isContinued && at + this.#size.value > end)) {
        this.#damage('OBU in an AV1 packet is shorter than its size');
        return;
      }
      to = isContinued ? end : at + this.#size.value;
    }
    if (at > end) {
      this.#damage('OBU in an AV1 packet is shorter than its header');
      return;
    }
    const isKept = isKeptObu(obuType(header));
    this.#isOpen = isContinued;
    this.#openSizeAt = -1;
    if (isKept) {
      this.#writeHeader(chunk, start, to - at, isContinued);
      this.#units.append(chunk, at, to);
    }
  }

  /** Header, extension and size, or space for an unknown size. */
  #writeHeader(chunk: Uint8Array, start: number, sizeBytes: number, isLate: boolean): void {
    const { buffer } = this.#units;
    const header = chunk[start] as number;
    let isRoom = buffer.appendByte(header | OBU_HAS_SIZE);
    if ((header & OBU_EXTENSION) !== 0) {
      isRoom = isRoom && buffer.appendByte(chunk[start + 1] as number);
    }
    if (isLate) {
      this.#openSizeAt = buffer.sizeBytes;
      for (let i = 0; i < LATE_SIZE_BYTES; i += 1) {
        isRoom = isRoom && buffer.appendByte(0);
      }
    } else {
      let left = sizeBytes;
      for (; left >= 0x80; left >>>= 7) {
        isRoom = isRoom && buffer.appendByte((left & 0x7f) | 0x80);
      }
      isRoom = isRoom && buffer.appendByte(left);
    }
    if (!isRoom) {
      this.#units.overflow();
    }
  }

  #continue(chunk: Uint8Array, start: number, end: number, isContinued: boolean): void {
    if (!this.#isOpen) {
      this.#damage('fragment of an OBU without its beginning');
      return;
    }
    this.#isOpen = isContinued;
    if (this.#openSizeAt < 0) {
      return;
    }
    this.#units.append(chunk, start, end);
    if (!isContinued && !this.#units.isDamaged) {
      this.#writeLateSize();
    }
  }

  #writeLateSize(): void {
    const { slab, start, sizeBytes } = this.#units.buffer;
    const at = start + this.#openSizeAt;
    const size = sizeBytes - this.#openSizeAt - LATE_SIZE_BYTES;
    for (let i = 0; i < LATE_SIZE_BYTES; i += 1) {
      slab[at + i] = ((size >>> (7 * i)) & 0x7f) | (i + 1 < LATE_SIZE_BYTES ? 0x80 : 0);
    }
  }

  /** An open OBU must end before its unit ends or another OBU begins. */
  #checkClosed(): void {
    if (this.#isOpen) {
      this.#damage('an OBU in fragments has no end');
    }
  }

  #damage(reason: string): void {
    this.#isOpen = false;
    this.#units.damage(reason);
  }
}
