import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import { isStun } from './stun.ts';
import type { Peer, Transport } from './transport.ts';
import type { UfragTable } from './ufrag-table.ts';

/** A key frame of 4 Mbit/s video for ten viewers fits. */
const SOCKET_BUFFER_BYTES = 1 << 20;
/**
 * Above either limit, video waits for the next key frame: packets in libuv's queue must not be overwritten in their
 * slots.
 */
const QUEUE_LIMIT_BYTES = 1 << 20;
const QUEUE_LIMIT_PACKETS = 2_048;

/** The UDP port on one local address. */
export class UdpSocket {
  /** Datagrams that belong to no peer. */
  ignored = 0;
  readonly family: 'IPv4' | 'IPv6';
  /** Local; `0.0.0.0` or `::` for all. */
  readonly address: string;
  readonly port: number;
  readonly #ufrags: UfragTable;
  readonly #socket: Socket;
  /** By address, then port: finding a peer builds no string. */
  readonly #transports = new Map<string, Map<number, UdpTransport>>();

  private constructor(ufrags: UfragTable, socket: Socket, address: string) {
    this.#ufrags = ufrags;
    this.#socket = socket;
    this.address = address;
    this.family = isIPv4(address) ? 'IPv4' : 'IPv6';
    this.port = socket.address().port;
    socket.on('message', (datagram, from) => this.#onMessage(datagram, from));
    // Unreachable right now: the packet is lost.
    socket.on('error', () => {});
  }

  /** @throws Node's error if the address cannot be bound */
  static async open(ufrags: UfragTable, address: string, port: number): Promise<UdpSocket> {
    const type = isIPv4(address) ? 'udp4' : 'udp6';
    const socket = createSocket({
      type,
      ipv6Only: type === 'udp6',
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      // Addresses are numeric: the default lookup would delay each packet to the next turn of the event loop.
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
    return new UdpSocket(ufrags, socket, address);
  }

  get isUsed(): boolean {
    return this.#transports.size > 0;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  add(transport: UdpTransport): void {
    const ports = this.#transports.get(transport.address) ?? new Map<number, UdpTransport>();
    this.#transports.set(transport.address, ports);
    ports.set(transport.port, transport);
  }

  remove(transport: UdpTransport): void {
    const ports = this.#transports.get(transport.address);
    if (ports?.get(transport.port) !== transport) {
      return;
    }
    ports.delete(transport.port);
    if (ports.size === 0) {
      this.#transports.delete(transport.address);
    }
  }

  #onMessage(datagram: Buffer, from: RemoteInfo): void {
    if (from.port === 0) {
      // Node throws when sending to port 0.
      this.ignored += 1;
      return;
    }
    const transport = this.#transports.get(from.address)?.get(from.port);
    if (isStun(datagram)) {
      const isForSomebody = this.#ufrags.onStun(datagram, transport ?? new UdpTransport(this, this.#socket, from));
      this.ignored += isForSomebody ? 0 : 1;
    } else if (transport?.peer) {
      transport.peer.onDatagram(datagram, transport);
    } else {
      this.ignored += 1;
    }
  }
}

/** One remote address. */
class UdpTransport implements Transport {
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

  /** libuv queues what the kernel does not accept. */
  send(bytes: Uint8Array, offset: number, length: number): void {
    try {
      this.#socket.send(bytes, offset, length, this.port, this.address);
    } catch {
      // The port was closed: the packet is lost.
    }
  }

  admit(peer: Peer): void {
    const former = this.peer;
    this.peer = peer;
    if (former && former !== peer) {
      // A NAT may reassign a port to another device: the newest peer gets its datagrams.
      former.onTransportClosed(this);
    }
    this.#owner.add(this);
  }

  close(): void {
    this.peer = undefined;
    this.#owner.remove(this);
  }
}
