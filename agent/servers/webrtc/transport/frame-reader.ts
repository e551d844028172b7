import { PerchError } from '../../../base/errors.ts';

/** Above any packet that a browser sends; also tells a stray HTTP or TLS client by its first two bytes. */
const MAX_FRAME_BYTES = 2_048;

export interface FrameSink {
  /** @param frame a view into what was read, or a buffer of its own: never used again here */
  onFrame(frame: Buffer): void;
}

/** Cuts a TCP stream into its packets, RFC 4571 §2: each follows its length in two bytes. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** The first byte of a length whose second has not come yet; -1: none. */
  #highByte = -1;
  /** A frame that came in pieces, and how much of it is there. */
  #frame: Buffer | undefined;
  #filledBytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** @throws PerchError when the stream cannot be RFC 4571: nothing in it can be found again */
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
        throw new PerchError('badInput', `TCP frame of ${length} bytes, at most ${MAX_FRAME_BYTES} are taken`);
      }
      const end = at + length;
      if (end > chunk.length) {
        this.#frame = Buffer.allocUnsafe(length);
        this.#filledBytes = chunk.copy(this.#frame, 0, at);
        return;
      }
      // A frame of nothing may be sent and means nothing (§2).
      if (length > 0) {
        this.#sink.onFrame(chunk.subarray(at, end));
      }
      at = end;
    }
  }

  /** @returns where in the chunk the frame ends */
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
