import { PerchError } from '../../../base/errors.ts';

/** aac_frame_length of ADTS has 13 bits; a stereo frame may have 1536 bytes (ISO/IEC 14496-3 §4.5.3.1). */
const MAX_FRAME_BYTES = 8191;
/** Zeros after the frame, for reads between two calls of `check`: a band of eight short windows can read 1008 bytes. */
const PADDING_BYTES = 2048;

/**
 * Reads the bits of one frame, most significant first. Faster than BitReader: the frame is copied before zeros, so that reads need no
 * test for the end. The caller calls `check` within PADDING_BYTES.
 */
export class FrameBits {
  readonly #bytes = new Uint8Array(MAX_FRAME_BYTES + PADDING_BYTES);
  #at = 0;
  #end = 0;

  load(frame: Uint8Array): void {
    if (frame.length > MAX_FRAME_BYTES) {
      throw new PerchError('badInput', `AAC frame of ${frame.length} bytes, at most ${MAX_FRAME_BYTES} allowed`);
    }
    this.#bytes.set(frame);
    this.#bytes.fill(0, frame.length, frame.length + PADDING_BYTES);
    this.#at = 0;
    this.#end = 8 * frame.length;
  }

  get positionBits(): number {
    return this.#at;
  }

  /** @throws PerchError after a read beyond the end */
  check(): void {
    if (this.#at > this.#end) {
      throw new PerchError('badInput', `AAC frame of ${this.#end / 8} bytes ends too early`);
    }
  }

  /** The next bits, not consumed. @param count 1 to 25 */
  peek(count: number): number {
    const bytes = this.#bytes;
    const at = this.#at >> 3;
    const word =
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number);
    return (word << (this.#at & 7)) >>> (32 - count);
  }

  /** @param count 1 to 25 */
  bits(count: number): number {
    const value = this.peek(count);
    this.#at += count;
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  skip(count: number): void {
    this.#at += count;
  }
}
