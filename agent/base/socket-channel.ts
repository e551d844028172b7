import type { Socket } from 'node:net';
import type { ByteChannel, ByteSink } from './byte-channel.ts';
import { shownPeer } from './ip-address.ts';

/** A TCP or TLS connection as a channel. */
export class SocketChannel implements ByteChannel {
  sink: ByteSink | undefined;
  readonly local: string | undefined;
  readonly #socket: Socket;
  #remote: string;
  #hasEnded = false;

  /** @param wanted `host:port` of a connection that is still to be made */
  constructor(socket: Socket, wanted = '') {
    this.#socket = socket;
    const { localAddress, localPort = 0 } = socket;
    this.local = localAddress === undefined ? undefined : shownPeer(localAddress, localPort);
    this.#remote = remoteOf(socket) ?? wanted;
    // A socket that reads into its owner's buffer (`onread`) emits no data: its owner calls `receive`.
    socket.on('data', (chunk: Uint8Array) => this.receive(chunk, chunk.length));
    socket.once('connect', () => {
      this.#remote = remoteOf(socket) ?? wanted;
    });
    socket.on('error', (cause) => this.#finish(cause));
    socket.on('close', () => this.#finish(undefined));
  }

  get remote(): string {
    return this.#remote;
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  receive(chunk: Uint8Array, length: number): void {
    if (!this.#hasEnded) {
      this.sink?.onBytes(chunk, length);
    }
  }

  write(bytes: Uint8Array): void {
    if (!this.#hasEnded && this.#socket.writable) {
      this.#socket.write(bytes);
    }
  }

  /** Both leave together: one system call, and no packet with the head alone in it. */
  writeTwo(head: Uint8Array, bytes: Uint8Array): void {
    this.#socket.cork();
    this.write(head);
    this.write(bytes);
    this.#socket.uncork();
  }

  /** What is written during the call leaves with as few system calls as it takes. */
  together(write: () => void): void {
    this.#socket.cork();
    try {
      write();
    } finally {
      this.#socket.uncork();
    }
  }

  /** The other side may never close its half: once all is written, ours is closed for both. */
  end(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends at once, for a reason that the sink is told. */
  fail(cause: unknown): void {
    this.#socket.destroy();
    this.#finish(cause);
  }

  #finish(cause: unknown): void {
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.sink?.onEnd(cause);
    }
  }
}

function remoteOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : shownPeer(remoteAddress, remotePort ?? 0);
}
