import { BitWriter } from './bit-writer.ts';

/** Writes the raw byte sequence payload (RBSP) of one NAL unit. */
export class RbspWriter extends BitWriter {
  /** ue(v), ISO/IEC 14496-10 §9.1; value up to 65,534. */
  unsigned(value: number): void {
    const code = value + 1;
    const length = 32 - Math.clz32(code);
    this.bits(0, length - 1);
    this.bits(code, length);
  }

  /** se(v), ISO/IEC 14496-10 §9.1.1. */
  signed(value: number): void {
    this.unsigned(value > 0 ? 2 * value - 1 : -2 * value);
  }

  /** Copies whole bytes; only after `align`. */
  raw(source: Uint8Array, start: number, end: number): void {
    this.bytes.set(source.subarray(start, end), this.length);
    this.length += end - start;
  }

  /** rbsp_trailing_bits(), ISO/IEC 14496-10 §7.3.2.11; returns a view of what was written. */
  finish(): Uint8Array {
    this.bits(1, 1);
    this.align();
    return this.bytes.subarray(0, this.length);
  }
}

/**
 * A NAL unit with `emulation_prevention_three_byte`s (ISO/IEC 14496-10 §7.4.1), after `room` bytes for the caller.
 * @param header one byte in H.264, two in H.265
 */
export function escapeNal(header: readonly number[], payload: Uint8Array, room = 0): Uint8Array {
  const escapes = findEscapes(payload);
  const unit = new Uint8Array(room + header.length + payload.length + escapes.length);
  unit.set(header, room);
  let from = 0;
  let to = room + header.length;
  for (const at of escapes) {
    unit.set(payload.subarray(from, at), to);
    to += at - from;
    unit[to] = 3;
    to += 1;
    from = at;
  }
  unit.set(payload.subarray(from), to);
  return unit;
}

/** The offsets of bytes 0 to 3 after two zero bytes. */
function findEscapes(payload: Uint8Array): number[] {
  const places: number[] = [];
  let at = payload.indexOf(0);
  while (at >= 0 && at + 2 < payload.length) {
    if (payload[at + 1] !== 0 || (payload[at + 2] as number) > 3) {
      at = payload.indexOf(0, at + 1);
      continue;
    }
    places.push(at + 2);
    at = payload.indexOf(0, at + 2);
  }
  return places;
}
