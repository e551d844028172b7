import { randomFillSync } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';

const VERSION = 3;
const PART_BYTES = 1_536;
/** Time and zero, which precede the random bytes: RTMP 1.0 §5.2.3. */
const HEAD_BYTES = 8;

/** Version 3 of the handshake, §5.2, for either end. */
export class Handshake {
  readonly #send: (bytes: Uint8Array) => void;
  readonly #isServer: boolean;
  readonly #received = Buffer.alloc(1 + PART_BYTES);
  #receivedBytes = 0;
  /** Bytes still missing of the peer's second part, which is not checked. */
  #restBytes = PART_BYTES;

  constructor(isServer: boolean, send: (bytes: Uint8Array) => void) {
    this.#isServer = isServer;
    this.#send = send;
    if (!isServer) {
      send(firstPart());
    }
  }

  get isDone(): boolean {
    return this.#restBytes === 0;
  }

  /** @returns the offset after what belongs to the handshake @throws PerchError for another protocol */
  push(data: Uint8Array, start: number, end: number): number {
    let at = start;
    const first = this.#received;
    if (this.#receivedBytes < first.length) {
      const to = Math.min(end, at + first.length - this.#receivedBytes);
      first.set(data.subarray(at, to), this.#receivedBytes);
      this.#receivedBytes += to - at;
      at = to;
      if (first[0] !== VERSION) {
        throw new PerchError('badInput', `RTMP begins with version ${VERSION}, not with byte ${first[0]}`);
      }
      if (this.#receivedBytes < first.length) {
        return at;
      }
      if (this.#isServer) {
        this.#send(firstPart());
      }
      this.#send(first.subarray(1));
    }
    const rest = Math.min(this.#restBytes, end - at);
    this.#restBytes -= rest;
    return at + rest;
  }
}

function firstPart(): Buffer {
  const bytes = Buffer.alloc(1 + PART_BYTES);
  bytes[0] = VERSION;
  randomFillSync(bytes, 1 + HEAD_BYTES);
  return bytes;
}
