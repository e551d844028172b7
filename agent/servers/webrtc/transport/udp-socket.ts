import type { RemoteInfo, Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { bindUdp, PeerTable } from '../../../base/udp.ts';
import { isStun } from '../../../transports/webrtc/link/stun.ts';
import type { Peer, Transport } from '../../../transports/webrtc/link/transport.ts';
import type { UfragTable } from './ufrag-table.ts';

/**
 * Above either limit, video waits for the next key frame: packets in libuv's queue must not be overwritten in their
 * slots.
 */
const QUEUE_LIMIT_BYTES = 1 << 20;
const QUEUE_LIMIT_PACKETS = 2_048;

export class UdpSocket {
  /** Datagrams that belong to no peer. */
  ignored = 0;
  readonly family: 'IPv4' | 'IPv6';
  /** Local; `0.0.0.0` or `::` for all. */
  readonly address: string;
  readonly port: number;
  readonly #ufrags: UfragTable;
  readonly #socket: Socket;
  readonly #transports = new PeerTable<UdpTransport>();

  private constructor(ufrags: UfragTable, socket: Socket, address: string) {
    this.#ufrags = ufrags;
    this.#socket = socket;
    this.address = address;
    this.family = isIPv4(address) ? 'IPv4' : 'IPv6';
    this.port = socket.address().port;
    socket.on('message', (datagram, from) => this.#onMessage(datagram, from));
  }

  /** @throws Node's error if the address cannot be bound */
  static async open(ufrags: UfragTable, address: string, port: number): Promise<UdpSocket> {
    return new UdpSocket(ufrags, await bindUdp(address, port), address);
  }

  get isUsed(): boolean {
    return !this.#transports.isEmpty;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  add(transport: UdpTransport): void {
    this.#transports.set(transport.address, transport.port, transport);
  }

  remove(transport: UdpTransport): void {
    this.#transports.delete(transport.address, transport.port, transport);
  }

  #onMessage(datagram: Buffer, from: RemoteInfo): void {
    if (from.port === 0) {
      // Node throws when sending to port 0.
      this.ignored += 1;
      return;
    }
    const transport = this.#transports.get(from.address, from.port);
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
