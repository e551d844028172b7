import { PerchError } from '../../../base/errors.ts';

/** Above any packet of a browser. Stray HTTP or TLS clients fail by their first two bytes. */
const MAX_FRAME_BYTES = 2_048;

interface FrameSink {
  /** @param frame a view of the chunk or a new buffer; not reused */
  onFrame(frame: Buffer): void;
}

/** Splits a TCP stream into packets, RFC 4571 §2: each follows its two-byte length. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** First byte of an incomplete length; -1: none. */
  #highByte = -1;
  /** An incomplete frame and its received size. */
  #frame: Buffer | undefined;
  #filledBytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** @throws PerchError if the stream is not RFC 4571; it cannot recover */
  read(chunk: Buffer): void {
    let at = this.#frame ? this.#fill(this.#frame, chunk) : 0;
    while (at < chunk.length) {
      let length: number;
      if (this.#highByte >= 0) {
        length = (this.#highByte << 8) | (chunk[at] as number);
        this.#highByte = -1;
        at += 1;
      } else if (at + 1 === chunk.length) {
        this.#highByte = chunk[at] as number;
        return;
      } else {
        length = chunk.readUInt16BE(at);
        at += 2;
      }
      if (length > MAX_FRAME_BYTES) {
        throw new PerchError('badInput', `TCP frame of ${length} bytes, at most ${MAX_FRAME_BYTES} allowed`);
      }
      const end = at + length;
      if (end > chunk.length) {
        this.#frame = Buffer.allocUnsafe(length);
        this.#filledBytes = chunk.copy(this.#frame, 0, at);
        return;
      }
      // §2 allows empty frames.
      if (length > 0) {
        this.#sink.onFrame(chunk.subarray(at, end));
      }
      at = end;
    }
  }

  /** @returns the end of the frame in the chunk */
  #fill(frame: Buffer, chunk: Buffer): number {
    const taken = chunk.copy(frame, this.#filledBytes);
    this.#filledBytes += taken;
    if (this.#filledBytes === frame.length) {
      this.#frame = undefined;
      this.#sink.onFrame(frame);
    }
    return taken;
  }
}
