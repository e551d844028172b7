import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4, isIPv6 } from 'node:net';
import { PerchError } from '../../../base/errors.ts';
import type { LocalPort } from './candidates.ts';
import { onlyAddress, parseMediaAddress } from './listen-address.ts';
import type { PeerBook } from './peer-book.ts';
import type { Peer, Route } from './route.ts';
import { isStun } from './stun.ts';

/** Kernel buffers: one key frame of 4 Mbit/s video to ten viewers leaves in one go. */
const SOCKET_BUFFER_BYTES = 1 << 20;
/** Above either, video waits for the next key frame: what libuv has queued must not be overwritten in the slots. */
const QUEUE_LIMIT_BYTES = 1 << 20;
const QUEUE_LIMIT_PACKETS = 2_048;

/** The one UDP port of all sessions: a socket per address family. */
export class UdpPort {
  /** Datagrams that belong to nobody, or are nothing that we know. */
  ignored = 0;
  readonly #book: PeerBook;
  /** Address, then port: no string has to be built to find a peer. */
  readonly #routes = new Map<string, Map<number, UdpRoute>>();
  #ipv4: Socket | undefined;
  #ipv6: Socket | undefined;
  #only: string | undefined;

  constructor(book: PeerBook) {
    this.#book = book;
  }

  get port(): number {
    return (this.#ipv4 ?? this.#ipv6)?.address().port ?? 0;
  }

  get local(): LocalPort {
    const { port } = this;
    return { port, ipv4: this.#ipv4 !== undefined, ipv6: this.#ipv6 !== undefined, only: this.#only };
  }

  /** @param address `:8189` both families, `0.0.0.0:8189` IPv4, `[::]:8189` IPv6, or one address of this machine */
  async listen(address: string): Promise<void> {
    const { host, port } = parseMediaAddress(address, 'UDP');
    this.#only = onlyAddress(host);
    if (host === '' || isIPv4(host)) {
      this.#ipv4 = await this.#bind('udp4', host === '' ? '0.0.0.0' : host, port);
    }
    if (isIPv6(host)) {
      this.#ipv6 = await this.#bind('udp6', host, port);
    } else if (host === '') {
      // A kernel without IPv6 is no reason to have no WebRTC.
      this.#ipv6 = await this.#bind('udp6', '::', this.port).catch(() => undefined);
    }
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

  async close(): Promise<void> {
    const sockets = [this.#ipv4, this.#ipv6].filter((socket) => socket !== undefined);
    this.#ipv4 = undefined;
    this.#ipv6 = undefined;
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  async #bind(type: 'udp4' | 'udp6', address: string, port: number): Promise<Socket> {
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
      throw cannotOpen(cause as NodeJS.ErrnoException, address, port);
    }
    socket.on('message', (datagram, from) => this.#onMessage(datagram, from));
    // An address that is unreachable right now: the packet is lost like any other.
    socket.on('error', () => {});
    return socket;
  }

  #onMessage(datagram: Buffer, from: RemoteInfo): void {
    if (from.port === 0) {
      // Nobody can be answered there: Node throws at the attempt.
      this.ignored += 1;
      return;
    }
    const route = this.#routes.get(from.address)?.get(from.port);
    if (isStun(datagram)) {
      const socket = from.family === 'IPv4' ? this.#ipv4 : this.#ipv6;
      const isForSomebody = socket && this.#book.onStun(datagram, route ?? new UdpRoute(this, socket, from));
      this.ignored += isForSomebody ? 0 : 1;
    } else if (route?.peer) {
      route.peer.onDatagram(datagram, route);
    } else {
      this.ignored += 1;
    }
  }
}

/** One address that datagrams come from. */
class UdpRoute implements Route {
  readonly protocol = 'udp';
  readonly family: 'IPv4' | 'IPv6';
  readonly address: string;
  readonly port: number;
  peer: Peer | undefined;
  readonly #owner: UdpPort;
  readonly #socket: Socket;

  constructor(owner: UdpPort, socket: Socket, from: RemoteInfo) {
    this.#owner = owner;
    this.#socket = socket;
    this.family = from.family;
    this.address = from.address;
    this.port = from.port;
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

function cannotOpen(cause: NodeJS.ErrnoException, address: string, port: number): PerchError {
  const context = { address, port };
  if (cause.code === 'EADDRINUSE') {
    const text = `UDP port ${port} is taken by another program: stop it or change webrtcLocalUDPAddress`;
    return new PerchError('unavailable', text, context);
  }
  return new PerchError('unavailable', `cannot open UDP port ${port} on ${address}`, context, cause);
}
