import type { SocketFunctions } from './functions.ts';
import type { SocketAddress } from './socket-address.ts';
import { MAX_ADDRESS_WORDS } from './socket-address.ts';

/** The most packets of one message: a full queue drops the whole burst. The kernel's own limit is 64 (UDP_MAX_SEGMENTS). */
export const MAX_SEGMENTS = 16;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

// `struct msghdr` of 64-bit Linux, in 32-bit words.
const MSGHDR_NAME_WORD = 0;
const MSGHDR_NAMELEN_WORD = 2;
const MSGHDR_IOV_WORD = 4;
const MSGHDR_IOVLEN_WORD = 6;
const MSGHDR_CONTROL_WORD = 8;
const MSGHDR_CONTROLLEN_WORD = 10;
const MSGHDR_WORDS = 14;
// `struct iovec`.
const IOV_WORDS = 4;
const IOV_LENGTH_WORD = 2;
const IOV_BYTES = 16;
// `struct cmsghdr` and a 16-bit segment size, padded.
const CMSG_BYTES = 24;
const CMSG_HEADER_BYTES = 16;
const SEGMENT_BYTES_AT = 8;

/**
 * A message that the kernel cuts into packets: UDP generic segmentation offload (udp(7), UDP_SEGMENT). All that the
 * kernel reads by pointer is a field of this object, except the packets.
 */
export class SegmentedMessage {
  readonly #functions: SocketFunctions;
  readonly #address = new Uint32Array(MAX_ADDRESS_WORDS);
  readonly #vectors: Uint32Array;
  readonly #control = new Uint32Array(CMSG_BYTES / 4);
  readonly #segmentBytes = new Uint16Array(this.#control.buffer);
  readonly #message = new Uint32Array(MSGHDR_WORDS);
  readonly #messagePointer: bigint;
  readonly #vectorsAt: number;

  /** @param packets number of packets that the message has room for */
  constructor(functions: SocketFunctions, packets: number) {
    this.#functions = functions;
    this.#vectors = new Uint32Array(IOV_WORDS * packets);
    this.#control.set([CMSG_HEADER_BYTES + Uint16Array.BYTES_PER_ELEMENT, 0, SOL_UDP, UDP_SEGMENT]);
    this.#vectorsAt = Number(functions.pointerTo(this.#vectors));
    writePointer(this.#message, MSGHDR_NAME_WORD, Number(functions.pointerTo(this.#address)));
    writePointer(this.#message, MSGHDR_CONTROL_WORD, Number(functions.pointerTo(this.#control)));
    this.#messagePointer = functions.pointerTo(this.#message);
  }

  /** @param address of packet `i` in user space: 47 or 48 bits, exact as a number */
  setPointer(i: number, address: number): void {
    writePointer(this.#vectors, IOV_WORDS * i, address);
  }

  setLength(i: number, bytes: number): void {
    this.#vectors[IOV_WORDS * i + IOV_LENGTH_WORD] = bytes;
  }

  /**
   * Sends packets whole or not at all; does not block.
   * @param descriptor of a UDP socket
   * @param count at most `MAX_SEGMENTS`
   * @param packetBytes of each packet; the last may be shorter
   * @returns 0, or the error number of sendmsg(2)
   */
  send(descriptor: number, address: SocketAddress, first: number, count: number, packetBytes: number): number {
    const message = this.#message;
    const { words, byteLength } = address;
    for (let i = 0; i < words.length; i += 1) {
      this.#address[i] = words[i] as number;
    }
    message[MSGHDR_NAMELEN_WORD] = byteLength;
    writePointer(message, MSGHDR_IOV_WORD, this.#vectorsAt + IOV_BYTES * first);
    message[MSGHDR_IOVLEN_WORD] = count;
    message[MSGHDR_CONTROLLEN_WORD] = count > 1 ? CMSG_BYTES : 0;
    this.#segmentBytes[SEGMENT_BYTES_AT] = packetBytes;
    const sent = this.#functions.sendmsg(descriptor, this.#messagePointer, 0);
    return sent < 0 ? (this.#functions.errno[0] as number) : 0;
  }
}

/** @param address below 2^53 */
function writePointer(words: Uint32Array, at: number, address: number): void {
  words[at] = address % 2 ** 32;
  words[at + 1] = Math.floor(address / 2 ** 32);
}
