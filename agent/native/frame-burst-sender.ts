import type { SocketFunctions } from './functions.ts';
import { MAX_SEGMENTS, SegmentedMessage } from './segmented-message.ts';
import type { SocketAddress } from './socket-address.ts';

/** Header of an interleaved frame: `$`, channel, 16-bit length (RFC 2326 §10.12). */
const FRAME_HEADER_BYTES = 4;

/** Sends packets that lie in memory as interleaved frames to one address by one system call, without their headers. */
export class FrameBurstSender {
  readonly #pointerTo: SocketFunctions['pointerTo'];
  readonly #message: SegmentedMessage;

  constructor(functions: SocketFunctions) {
    this.#pointerTo = functions.pointerTo;
    this.#message = new SegmentedMessage(functions, MAX_SEGMENTS);
  }

  /**
   * Sends a burst whole or not at all; does not block.
   * @param descriptor of a UDP socket
   * @param start offset of the first frame in `frames`
   * @param count number of frames, at most `MAX_SEGMENTS`: all of one size, the last may be shorter
   * @returns 0, or the error number of sendmsg(2)
   */
  send(descriptor: number, address: SocketAddress, frames: Uint8Array, start: number, count: number): number {
    const message = this.#message;
    const pointer = Number(this.#pointerTo(frames));
    const packetBytes = lengthAt(frames, start);
    let at = start;
    for (let i = 0; i < count; i += 1) {
      const length = lengthAt(frames, at);
      message.setPointer(i, pointer + at + FRAME_HEADER_BYTES);
      message.setLength(i, length);
      at += FRAME_HEADER_BYTES + length;
    }
    return message.send(descriptor, address, 0, count, packetBytes);
  }
}

const lengthAt = (frames: Uint8Array, at: number): number =>
  ((frames[at + 2] as number) << 8) | (frames[at + 3] as number);
