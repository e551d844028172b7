import type { Socket } from 'node:dgram';
import type { BurstRoute } from './burst-route.ts';
import { descriptorOf } from './descriptor.ts';

/** A bound socket whose packets are sent as bursts or by Node, in order. */
export class BurstSocket {
  readonly #socket: Socket;
  /** File descriptor; -1: closed, or unknown. The number of a closed descriptor may soon belong to another file. */
  #descriptor: number;
  /** Packets may wait in libuv. */
  #mayQueue = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#descriptor = descriptorOf(socket);
  }

  /** @returns the descriptor for sending a batch; -1: Node has to send it, so that packets do not overtake those that wait in libuv */
  descriptorFor(route: BurstRoute | undefined): number {
    return route && this.#descriptor >= 0 && !this.#isQueueing && route.takesBatch() ? this.#descriptor : -1;
  }

  /** Whether more bytes or packets wait in libuv than the limits allow. */
  isBeyond(maxBytes: number, maxPackets: number): boolean {
    const socket = this.#socket;
    return this.#mayQueue && (socket.getSendQueueSize() > maxBytes || socket.getSendQueueCount() > maxPackets);
  }

  /** libuv queues what the kernel does not accept. @param bytes must not change afterwards */
  send(bytes: Uint8Array, start: number, length: number, port: number, ip: string): void {
    try {
      this.#socket.send(bytes, start, length, port, ip);
      this.#mayQueue = true;
    } catch {
      // The port was closed: the packet is lost.
    }
  }

  close(): Promise<void> {
    this.#mayQueue = false;
    this.#descriptor = -1;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  get #isQueueing(): boolean {
    this.#mayQueue &&= this.#socket.getSendQueueCount() > 0;
    return this.#mayQueue;
  }
}
