import type { ReceiveFunctions } from './functions.ts';

const MSG_DONTWAIT = 0x40;
/** One read takes a whole picture of most cameras. */
const BUFFER_BYTES = 64 << 10;

/** Reads TCP sockets that Node has paused, without an event or a callback per read. */
export class StreamReader {
  /** Received bytes, written by the kernel. All sockets share the buffer: it is valid until the next `receive`. */
  readonly buffer = new Uint8Array(BUFFER_BYTES);
  readonly #functions: ReceiveFunctions;
  readonly #pointer: bigint;
  readonly #size = BigInt(BUFFER_BYTES);

  constructor(functions: ReceiveFunctions) {
    this.#functions = functions;
    this.#pointer = functions.pointerTo(this.buffer);
  }

  /** Does not block. @returns the number of bytes; 0: the peer has closed; negative: an error number of recv(2) */
  receive(descriptor: number): number {
    const received = this.#functions.recv(descriptor, this.#pointer, this.#size, MSG_DONTWAIT);
    return received < 0 ? -(this.#functions.errno[0] as number) : received;
  }
}
