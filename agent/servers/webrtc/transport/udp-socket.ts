import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import type { PeerBook } from './peer-book.ts';
import type { Peer, Route } from './route.ts';
import { isStun } from './stun.ts';

/** Kernel buffers: one key frame of 4 Mbit/s video to ten viewers leaves in one go. */
const SOCKET_BUFFER_BYTES = 1 << 20;
/** Above either, video waits for the next key frame: what libuv has queued must not be overwritten in the slots. */
const QUEUE_LIMIT_BYTES = 1 << 20;
const QUEUE_LIMIT_PACKETS = 2_048;

/** The UDP port on one address of this machine. */
export class UdpSocket {
  /** Datagrams that belong to nobody, or are nothing that we know. */
  ignored = 0;
  readonly family: 'IPv4' | 'IPv6';
  /** Of this machine; `0.0.0.0` or `::` for all. */
  readonly address: string;
  readonly port: number;
  readonly #book: PeerBook;
  readonly #socket: Socket;
  /** Address, then port: no string has to be built to find a peer. */
  readonly #routes = new Map<string, Map<number, UdpRoute>>();

  private constructor(book: PeerBook, socket: Socket, address: string) {
    this.#book = book;
    this.#socket = socket;
    this.address = address;
    this.family = isIPv4(address) ? 'IPv4' : 'IPv6';
    this.port = socket.address().port;
    socket.on('message', (datagram, from) => this.#onMessage(datagram, from));
    // An address that is unreachable right now: the packet is lost like any other.
    socket.on('error', () => {});
  }

  /** @throws what Node says when the address cannot be bound */
  static async open(book: PeerBook, address: string, port: number): Promise<UdpSocket> {
    const type = isIPv4(address) ? 'udp4' : 'udp6';
    const socket = createSocket({
      type,
      ipv6Only: type === 'udp6',
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      // Every address is numeric: without this each packet would wait for the next turn of the event loop.
      lookup: (host, _options, callback) => callback(null, host, type === 'udp4' ? 4 : 6),
    });
    try {
      const listening = once(socket, 'listening');
      socket.bind({ address, port, exclusive: true });
      await listening;
    } catch (cause) {
      socket.close();
      throw cause;
    }
    return new UdpSocket(book, socket, address);
  }

  /** Whether a peer is reached through it. */
  get isUsed(): boolean {
    return this.#routes.size > 0;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  /** Called by routes. */
  keep(route: UdpRoute): void {
    const ports = this.#routes.get(route.address) ?? new Map<number, UdpRoute>();
    this.#routes.set(route.address, ports);
    ports.set(route.port, route);
  }

  /** Called by routes. */
  drop(route: UdpRoute): void {
    const ports = this.#routes.get(route.address);
    if (ports?.get(route.port) !== route) {
      return;
    }
    ports.delete(route.port);
    if (ports.size === 0) {
      this.#routes.delete(route.address);
    }
  }

  #onMessage(datagram: Buffer, from: RemoteInfo): void {
    if (from.port === 0) {
      // Nobody can be answered there: Node throws at the attempt.
      this.ignored += 1;
      return;
    }
    const route = this.#routes.get(from.address)?.get(from.port);
    if (isStun(datagram)) {
      const isForSomebody = this.#book.onStun(datagram, route ?? new UdpRoute(this, this.#socket, from));
      this.ignored += isForSomebody ? 0 : 1;
    } else if (route?.peer) {
      route.peer.onDatagram(datagram, route);
    } else {
      this.ignored += 1;
    }
  }
}

/** From one address of this machine to one that datagrams come from. */
class UdpRoute implements Route {
  readonly protocol = 'udp';
  readonly family: 'IPv4' | 'IPv6';
  readonly address: string;
  readonly port: number;
  peer: Peer | undefined;
  readonly #owner: UdpSocket;
  readonly #socket: Socket;

  constructor(owner: UdpSocket, socket: Socket, from: RemoteInfo) {
    this.#owner = owner;
    this.#socket = socket;
    this.family = from.family;
    this.address = from.address;
    this.port = from.port;
  }

  get localAddress(): string {
    return this.#owner.address;
  }

  get isCongested(): boolean {
    const socket = this.#socket;
    return socket.getSendQueueSize() > QUEUE_LIMIT_BYTES || socket.getSendQueueCount() > QUEUE_LIMIT_PACKETS;
  }

  /** What the kernel does not take waits in libuv's queue. */
  send(bytes: Uint8Array, offset: number, length: number): void {
    try {
      this.#socket.send(bytes, offset, length, this.port, this.address);
    } catch {
      // The port has been closed meanwhile: the packet is lost like any other.
    }
  }

  admit(peer: Peer): void {
    const former = this.peer;
    this.peer = peer;
    if (former && former !== peer) {
      // Behind a router a port goes from one device to the next: what comes from it belongs to the newest.
      former.onRouteClosed(this);
    }
    this.#owner.keep(this);
  }

  close(): void {
    this.peer = undefined;
    this.#owner.drop(this);
  }
}
