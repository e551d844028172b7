/** A decoder of the FLAC that Perch writes (RFC 9639: fixed predictors, Rice, constant and verbatim), written from the standard for the tests. */

export interface FlacFrame {
  readonly number: number;
  readonly channels: number;
  /** Interleaved. */
  readonly pcm: number[];
}

class Bits {
  at = 0;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i += 1) {
      const byte = this.bytes[this.at >> 3];
      if (byte === undefined) {
        throw new Error('FLAC frame ends early');
      }
      value = value * 2 + ((byte >> (7 - (this.at & 7))) & 1);
      this.at += 1;
    }
    return value;
  }

  signed(count: number): number {
    const value = this.read(count);
    return value >= 2 ** (count - 1) ? value - 2 ** count : value;
  }

  zeros(): number {
    let count = 0;
    while (this.read(1) === 0) {
      count += 1;
    }
    return count;
  }
}

const check = (is: boolean, what: string): void => {
  if (!is) {
    throw new Error(`FLAC: ${what}`);
  }
};

function crc(bytes: Uint8Array, polynomial: number, width: number): number {
  let value = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const top = ((value >> (width - 1)) & 1) ^ ((byte >> bit) & 1);
      value = ((value << 1) & (2 ** width - 1)) ^ (top ? polynomial : 0);
    }
  }
  return value;
}

export function decodeFlacFrame(frame: Uint8Array): FlacFrame {
  const bits = new Bits(frame);
  check(bits.read(16) === 0xfff8, 'sync and fixed block size');
  const sizeCode = bits.read(4);
  bits.read(4);
  const channels = bits.read(4) + 1;
  check(bits.read(4) === 0b1000, '16 bits');
  const lead = bits.read(8);
  let number = lead;
  if (lead >= 0x80) {
    const extra = Math.clz32(~(lead << 24)) - 1;
    number = lead & (0x3f >> extra);
    for (let i = 0; i < extra; i += 1) {
      check(bits.read(2) === 0b10, 'frame number');
      number = number * 64 + bits.read(6);
    }
  }
  const count = bits.read(sizeCode === 6 ? 8 : 16) + 1;
  check(crc(frame.subarray(0, bits.at / 8), 0x07, 8) === bits.read(8), 'CRC-8');
  const signals = Array.from({ length: channels }, () => subframe(bits, count));
  bits.at = Math.ceil(bits.at / 8) * 8;
  check(crc(frame.subarray(0, bits.at / 8), 0x8005, 16) === bits.read(16), 'CRC-16');
  check(bits.at === frame.length * 8, 'bytes after the frame');
  const pcm = Array.from(
    { length: count * channels },
    (_, i) => signals[i % channels]?.[Math.floor(i / channels)] ?? 0,
  );
  return { number, channels, pcm };
}

function subframe(bits: Bits, count: number): number[] {
  check(bits.read(1) === 0, 'subframe padding');
  const type = bits.read(6);
  const unused = bits.read(1) === 1 ? bits.zeros() + 1 : 0;
  const depth = 16 - unused;
  if (type === 0) {
    return new Array<number>(count).fill(bits.signed(depth) * 2 ** unused);
  }
  if (type === 1) {
    return Array.from({ length: count }, () => bits.signed(depth) * 2 ** unused);
  }
  check(type >= 8 && type <= 12, `subframe type ${type}`);
  const order = type - 8;
  const signal = Array.from({ length: order }, () => bits.signed(depth));
  check(bits.read(2) === 0, 'residual method');
  const partitions = 2 ** bits.read(4);
  for (let partition = 0; partition < partitions; partition += 1) {
    const k = bits.read(4);
    for (let i = count / partitions - (partition === 0 ? order : 0); i > 0; i -= 1) {
      const folded = bits.zeros() * 2 ** k + bits.read(k);
      signal.push(predict(signal, order) + (folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2));
    }
  }
  return signal.map((value) => value * 2 ** unused);
}

const COEFFICIENTS = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]];

function predict(signal: readonly number[], order: number): number {
  const coefficients = COEFFICIENTS[order] ?? [];
  return coefficients.reduce((sum, c, i) => sum + c * (signal[signal.length - 1 - i] ?? 0), 0);
}
