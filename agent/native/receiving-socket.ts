import type { Socket } from 'node:dgram';
import { handleOf, type SocketHandle } from './descriptor.ts';

/** A bound socket that Node can stop reading, so that its datagrams wait for `DatagramReceiver`. */
export class ReceivingSocket {
  readonly #handle: SocketHandle;

  private constructor(handle: SocketHandle) {
    this.#handle = handle;
  }

  /** @returns undefined if Node's handle is not found */
  static of(socket: Socket): ReceivingSocket | undefined {
    const handle = handleOf(socket);
    return handle && new ReceivingSocket(handle);
  }

  /** File descriptor; negative after the socket is closed. */
  get descriptor(): number {
    return this.#handle.fd;
  }

  /** Node passes on no datagram from now on, even if this is called while it passes one on. */
  pause(): void {
    this.#handle.recvStop();
  }

  resume(): void {
    if (this.#handle.fd >= 0) {
      this.#handle.recvStart();
    }
  }
}
