/** Writes the raw byte sequence payload (RBSP) of one NAL unit, most significant bit first, into a buffer that is used again for the next one. */
export class RbspWriter {
  readonly #bytes: Uint8Array;
  #length = 0;
  /** The bits of the byte that is not full yet, and how many they are. */
  #pending = 0;
  #pendingBits = 0;

  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  reset(): void {
    this.#length = 0;
    this.#pending = 0;
    this.#pendingBits = 0;
  }

  /** u(n), with n up to 16. */
  bits(value: number, count: number): void {
    this.#pending = (this.#pending << count) | value;
    this.#pendingBits += count;
    while (this.#pendingBits >= 8) {
      this.#pendingBits -= 8;
      this.#bytes[this.#length] = this.#pending >> this.#pendingBits;
      this.#length += 1;
    }
    this.#pending &= (1 << this.#pendingBits) - 1;
  }

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

  /** Fills up to the next whole byte with zeros. */
  align(): void {
    if (this.#pendingBits > 0) {
      this.bits(0, 8 - this.#pendingBits);
    }
  }

  /** Copies whole bytes; only after `align`. */
  raw(source: Uint8Array, start: number, end: number): void {
    this.#bytes.set(source.subarray(start, end), this.#length);
    this.#length += end - start;
  }

  /** rbsp_trailing_bits(), ISO/IEC 14496-10 §7.3.2.11; returns a view of what was written. */
  finish(): Uint8Array {
    this.bits(1, 1);
    this.align();
    return this.#bytes.subarray(0, this.#length);
  }
}

/**
 * A NAL unit with `emulation_prevention_three_byte`s (ISO/IEC 14496-10 §7.4.1), after `room` bytes that the caller fills in.
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

/** The places of bytes 0 to 3 that follow two zero bytes. */
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
