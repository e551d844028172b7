import { trimZeros } from '../../payload/nal.ts';

/** Zeros after the data: readers look ahead, and one that reads garbage meets no code. */
const PADDING_BYTES = 512;
const FIRST_BYTES = 16_384;

/** The payload of a NAL unit without emulation prevention bytes, H.264 §7.4.1.1, in a buffer that is used again. */
export class Rbsp {
  data = new Uint8Array(FIRST_BYTES);
  /** Bits before rbsp_stop_one_bit. */
  sizeBits = 0;
  /** What `load` was given, without emulation prevention bytes. */
  positionBits = 0;

  /** @param start after the NAL unit's header; `positionBits`: from there, counted with emulation prevention bytes */
  load(nal: Uint8Array, start: number, untrimmedEnd: number, positionBits: number): void {
    const end = trimZeros(nal, start, untrimmedEnd);
    if (this.data.length < end - start + PADDING_BYTES) {
      this.data = new Uint8Array(2 * (end - start) + PADDING_BYTES);
    }
    const { data } = this;
    const position = start + (positionBits >> 3);
    let zeros = 0;
    let size = 0;
    for (let at = start; at < end; at += 1) {
      const byte = nal[at] as number;
      if (at === position) {
        this.positionBits = 8 * size + (positionBits & 7);
      }
      if (zeros >= 2 && byte === 3) {
        zeros = 0;
      } else {
        data[size] = byte;
        size += 1;
        zeros = byte === 0 ? zeros + 1 : 0;
      }
    }
    data.fill(0, size, size + PADDING_BYTES);
    const last = data[size - 1] ?? 0;
    this.sizeBits = 8 * size - 1 - (31 - Math.clz32(last & -last));
  }

  /**
   * Whether the bit before `positionBits` is rbsp_stop_one_bit, the last bit that CABAC reads. x264 sets the last bit of that byte, too,
   * in every other picture.
   */
  stopsBefore(positionBits: number): boolean {
    const at = positionBits - 1;
    return at >> 3 === this.sizeBits >> 3 && (((this.data[at >> 3] as number) >> (7 - (at & 7))) & 1) === 1;
  }
}
