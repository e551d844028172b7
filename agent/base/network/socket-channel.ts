import type { Socket } from 'node:net';
import { type Endpoint, shownPeer } from './ip-address.ts';

/** Receives a channel's bytes. */
export interface ByteSink {
  /** @param chunk contains `length` bytes; valid only during the call */
  onBytes(chunk: Uint8Array, length: number): void;
  /** Called once at the end; `cause` is undefined after a regular close by the peer. */
  onEnd(cause: unknown): void;
}

/** An ordered byte stream in both directions: TCP, TLS, or a tunnel through HTTP or WebSocket. */
export interface ByteChannel {
  /** Set by the owner before the first read. */
  sink: ByteSink | undefined;
  /** Number of bytes not sent yet. At 0 no written buffer is referenced. */
  readonly queuedBytes: number;
  /** `address:port` of the peer, for logs and the API. */
  readonly remote: string;
  /** Whether the TCP connection is established. Absent for tunnels. */
  readonly isConnected?: boolean;
  /** `address:port` of this side of an accepted connection; absent for tunnels. */
  readonly local?: string | undefined;
  /** Milliseconds spent waiting for permission to send a login; absent if there is none. */
  readonly heldMs?: number;
  /** Never blocks: bytes queue, and must not change until `queuedBytes` is 0. The caller limits the queue. */
  write(bytes: Uint8Array): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
  /** Stops reading until `resume`, which blocks the peer. Bytes read already are still delivered, and the end only after them. */
  pause(): void;
  resume(): void;
  /** While paused: delivers what has arrived, and stays paused. @returns false: `resume` is needed to read. Absent: always */
  readArrived?(): boolean;
}

/** A TCP or TLS connection. */
export class SocketChannel implements ByteChannel {
  sink: ByteSink | undefined;
  readonly local: string | undefined;
  readonly #socket: Socket;
  #remote: string;
  #isConnected: boolean;
  #hasEnded = false;

  /**
   * @param wanted `host:port` of a connection that is not open yet
   * @param client the peer, where a proxy forwards for it
   */
  constructor(socket: Socket, wanted = '', client?: Endpoint) {
    this.#socket = socket;
    const { localAddress, localPort = 0 } = socket;
    this.local = localAddress === undefined ? undefined : shownPeer(localAddress, localPort);
    this.#remote = client ? shownPeer(client.ip, client.port) : (remoteOf(socket) ?? wanted);
    this.#isConnected = remoteOf(socket) !== undefined;
    // With `onread` a socket emits no data: its owner calls `receive`.
    socket.on('data', (chunk: Uint8Array) => this.receive(chunk, chunk.length));
    socket.once('connect', () => {
      this.#isConnected = true;
      this.#remote = remoteOf(socket) ?? wanted;
    });
    socket.on('error', (cause) => this.#finish(cause));
    socket.on('close', () => this.#finish(undefined));
  }

  get remote(): string {
    return this.#remote;
  }

  get isConnected(): boolean {
    return this.#isConnected;
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

  /** Writes head and body in one system call, so that no packet has only the head. */
  writeTwo(head: Uint8Array, bytes: Uint8Array): void {
    this.#socket.cork();
    this.write(head);
    this.write(bytes);
    this.#socket.uncork();
  }

  /** Combines the writes of the call into few system calls. */
  together(write: () => void): void {
    this.#socket.cork();
    try {
      write();
    } finally {
      this.#socket.uncork();
    }
  }

  /** The peer may never close its half, so both close once all is sent. */
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

  /** Closes at once; the sink gets the cause. */
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
