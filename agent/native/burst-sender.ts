import type { SocketFunctions } from './functions.ts';
import { type PacketMemory, SLOT_BYTES } from './packet-memory.ts';
import { MAX_SEGMENTS, SegmentedMessage } from './segmented-message.ts';
import type { SocketAddress } from './socket-address.ts';

/** Sends packets of a `PacketMemory` to one address by one system call. */
export class BurstSender {
  readonly #memory: PacketMemory;
  readonly #message: SegmentedMessage;

  constructor(functions: SocketFunctions, memory: PacketMemory) {
    this.#memory = memory;
    this.#message = new SegmentedMessage(functions, memory.packets);
    const start = Number(functions.pointerTo(memory.bytes));
    for (let i = 0; i < memory.packets; i += 1) {
      this.#message.setPointer(i, start + SLOT_BYTES * i);
    }
  }

  /**
   * How many packets from `first` on can be one burst: all of one size, the last may be shorter.
   * @param end number of the last packet plus one
   */
  countBurst(first: number, end: number): number {
    const { lengths } = this.#memory;
    const size = lengths[first] as number;
    const max = Math.min(end, first + MAX_SEGMENTS);
    let next = first + 1;
    while (next < max && lengths[next] === size) {
      next += 1;
    }
    return (next < max && (lengths[next] as number) < size ? next + 1 : next) - first;
  }

  /**
   * Sends a burst whole or not at all; does not block.
   * @param descriptor of a UDP socket
   * @param count number of packets, from `countBurst`
   * @returns 0, or the error number of sendmsg(2)
   */
  send(descriptor: number, address: SocketAddress, first: number, count: number): number {
    const { lengths } = this.#memory;
    for (let i = first; i < first + count; i += 1) {
      this.#message.setLength(i, lengths[i] as number);
    }
    return this.#message.send(descriptor, address, first, count, lengths[first] as number);
  }
}
