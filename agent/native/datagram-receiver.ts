import type { DatagramFunctions } from './functions.ts';
import { MAX_ADDRESS_WORDS } from './socket-address.ts';

/** The most datagrams that one system call receives. */
export const MAX_DATAGRAMS = 64;
/** Size of a slot: the largest datagram, padded so that slots start in different lines of the processor's caches. */
const SLOT_BYTES = 65_536 + 2_048;
const MSG_DONTWAIT = 0x40;
const NULL = 0n;

// `struct mmsghdr` of 64-bit Linux: `struct msghdr`, then the length; in 32-bit words.
const NAME_WORD = 0;
const NAMELEN_WORD = 2;
const IOV_WORD = 4;
const IOVLEN_WORD = 6;
const LENGTH_WORD = 14;
const MMSGHDR_WORDS = 16;
// `struct iovec`.
const IOV_WORDS = 4;
const IOV_LENGTH_WORD = 2;
const WORD_BYTES = 4;

export interface ReceivedSink {
  /**
   * @param bytes hold the datagram in [start, end), valid during the call only
   * @param senders hold the sender's `struct sockaddr` from word `senderAt` on
   */
  onReceived(bytes: Uint8Array, start: number, end: number, senders: Uint32Array, senderAt: number): void;
}

/**
 * Receives the datagrams that wait at a socket by one system call for many (recvmmsg(2)). Memory of slots that no
 * datagram has reached is not resident.
 */
export class DatagramReceiver {
  readonly #bytes = new Uint8Array(SLOT_BYTES * MAX_DATAGRAMS);
  readonly #senders = new Uint32Array(MAX_ADDRESS_WORDS * MAX_DATAGRAMS);
  readonly #functions: DatagramFunctions;
  readonly #headers = new Uint32Array(MMSGHDR_WORDS * MAX_DATAGRAMS);
  readonly #vectors = new Uint32Array(IOV_WORDS * MAX_DATAGRAMS);
  readonly #headersPointer: bigint;
  #isBusy = false;

  constructor(functions: DatagramFunctions) {
    this.#functions = functions;
    const { pointerTo } = functions;
    const [bytes, senders, vectors] = [this.#bytes, this.#senders, this.#vectors].map((one) => Number(pointerTo(one)));
    for (let i = 0; i < MAX_DATAGRAMS; i += 1) {
      const header = MMSGHDR_WORDS * i;
      const vector = IOV_WORDS * i;
      writePointer(this.#vectors, vector, (bytes as number) + SLOT_BYTES * i);
      this.#vectors[vector + IOV_LENGTH_WORD] = SLOT_BYTES;
      writePointer(this.#headers, header + NAME_WORD, (senders as number) + MAX_ADDRESS_WORDS * WORD_BYTES * i);
      this.#headers[header + NAMELEN_WORD] = MAX_ADDRESS_WORDS * WORD_BYTES;
      writePointer(this.#headers, header + IOV_WORD, (vectors as number) + IOV_WORDS * WORD_BYTES * i);
      this.#headers[header + IOVLEN_WORD] = 1;
    }
    this.#headersPointer = pointerTo(this.#headers);
  }

  /**
   * Passes on the datagrams that wait, in their order.
   * @param descriptor of a UDP socket
   * @returns their number; fewer than `MAX_DATAGRAMS`: no more wait, or there is an error. 0 during a call for another socket
   */
  receive(descriptor: number, sink: ReceivedSink): number {
    if (this.#isBusy) {
      return 0;
    }
    const headers = this.#headers;
    const count = this.#functions.recvmmsg(descriptor, this.#headersPointer, MAX_DATAGRAMS, MSG_DONTWAIT, NULL);
    for (let i = 0; i < count; i += 1) {
      // The kernel has written the length of the sender's address.
      headers[MMSGHDR_WORDS * i + NAMELEN_WORD] = MAX_ADDRESS_WORDS * WORD_BYTES;
    }
    this.#isBusy = true;
    try {
      for (let i = 0; i < count; i += 1) {
        const start = SLOT_BYTES * i;
        const length = headers[MMSGHDR_WORDS * i + LENGTH_WORD] as number;
        sink.onReceived(this.#bytes, start, start + length, this.#senders, MAX_ADDRESS_WORDS * i);
      }
    } finally {
      this.#isBusy = false;
    }
    return Math.max(count, 0);
  }
}

/** @param address below 2^53 */
function writePointer(words: Uint32Array, at: number, address: number): void {
  words[at] = address % 2 ** 32;
  words[at + 1] = Math.floor(address / 2 ** 32);
}
