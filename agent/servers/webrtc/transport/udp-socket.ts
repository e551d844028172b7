import type { RemoteInfo, Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { bindUdp, PeerTable } from '../../../base/network/udp.ts';
import { dumpDatagrams } from '../../../base/packet-dump/dump-connections.ts';
import { BurstRoute } from '../../../native/burst-route.ts';
import type { BurstSender } from '../../../native/burst-sender.ts';
import { BurstSocket } from '../../../native/burst-socket.ts';
import { openBurstSender } from '../../../native/native.ts';
import { type PacketMemory, SLOT_BYTES } from '../../../native/packet-memory.ts';
import { isStun } from '../../../transports/webrtc/link/stun.ts';
import type { Peer, Transport } from '../../../transports/webrtc/link/transport.ts';
import { packets as batchPackets } from '../../../transports/webrtc/srtp/srtp.ts';
import type { UfragTable } from './ufrag-table.ts';

const SLOTS = 4_096;

/** Copies of packets that wait in libuv's queue: a slot is reused only 4,096 packets later. */
class QueuedPackets {
  /** Allocated with the first packet. */
  bytes = new Uint8Array(0);
  #words = new Uint32Array(0);
  #next = 0;

  /** @returns the byte offset of the copy of packet `i` */
  put({ words, lengths }: PacketMemory, i: number): number {
    if (this.bytes.length === 0) {
      this.bytes = new Uint8Array(SLOT_BYTES * SLOTS);
      this.#words = new Uint32Array(this.bytes.buffer);
    }
    const slot = SLOT_BYTES * this.#next;
    this.#next = (this.#next + 1) % SLOTS;
    const to = slot >>> 2;
    const from = (SLOT_BYTES * i) >>> 2;
    const count = ((lengths[i] as number) + 3) >>> 2;
    for (let w = 0; w < count; w += 1) {
      this.#words[to + w] = words[from + w] as number;
    }
    return slot;
  }
}

/** Shared by all sockets, or undefined if it is not open or not supported here. */
let bursts: BurstSender | undefined;
let opening: Promise<void> | undefined;

/** Called before the first peer connects: an idle box saves the memory. */
export function prepareBursts(): Promise<void> {
  opening ??= openBurstSender(batchPackets).then((sender) => {
    bursts = sender;
  });
  return opening;
}

export class UdpSocket {
  /** Datagrams that belong to no peer. */
  ignored = 0;
  readonly family: 'IPv4' | 'IPv6';
  /** Local address; `0.0.0.0` or `::` for all. */
  readonly address: string;
  readonly port: number;
  readonly #ufrags: UfragTable;
  readonly #socket: BurstSocket;
  readonly #transports = new PeerTable<UdpTransport>();
  readonly #queued = new QueuedPackets();

  private constructor(ufrags: UfragTable, socket: Socket, address: string) {
    this.#ufrags = ufrags;
    this.#socket = new BurstSocket(socket);
    this.address = address;
    this.family = isIPv4(address) ? 'IPv4' : 'IPv6';
    this.port = socket.address().port;
    socket.on('message', (datagram, from) => this.#onMessage(datagram, from));
  }

  /** @throws Node's error if the address cannot be bound */
  static async open(ufrags: UfragTable, address: string, port: number): Promise<UdpSocket> {
    const socket = await bindUdp(address, port);
    dumpDatagrams(socket, 'webrtc_server_packet_conn');
    return new UdpSocket(ufrags, socket, address);
  }

  get isUsed(): boolean {
    return !this.#transports.isEmpty;
  }

  /** Above either limit, video waits for the next key frame: packets in libuv's queue must not be overwritten in the ring. */
  get isCongested(): boolean {
    return this.#socket.isBeyond(1 << 20, 2_048);
  }

  /** @param bytes must not change afterwards */
  send(bytes: Uint8Array, offset: number, length: number, to: UdpTransport): void {
    this.#socket.send(bytes, offset, length, to.port, to.address);
  }

  /** Sends the first `count` packets, as bursts where the route takes them. */
  sendPackets(packets: PacketMemory, count: number, to: UdpTransport): void {
    for (let i = this.#sendBursts(count, to); i < count; i += 1) {
      const at = this.#queued.put(packets, i);
      this.send(this.#queued.bytes, at, packets.lengths[i] as number, to);
    }
  }

  /** @returns how many packets are sent */
  #sendBursts(count: number, to: UdpTransport): number {
    const { route } = to;
    const descriptor = bursts ? this.#socket.descriptorFor(route) : -1;
    if (!bursts || !route || descriptor < 0) {
      return 0;
    }
    let sent = 0;
    while (sent < count) {
      const burst = bursts.countBurst(sent, count);
      const errno = bursts.send(descriptor, route.address, sent, burst);
      if (errno !== 0) {
        route.onError(errno, burst);
        return sent;
      }
      sent += burst;
    }
    return sent;
  }

  close(): Promise<void> {
    return this.#socket.close();
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
      const isForSession = this.#ufrags.onStun(datagram, transport ?? new UdpTransport(this, from));
      // An answer to a check of ours comes from a known peer.
      this.ignored += isForSession || transport ? 0 : 1;
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
  /** Undefined: packets are sent one by one. */
  route: BurstRoute | undefined;
  readonly #owner: UdpSocket;

  constructor(owner: UdpSocket, from: RemoteInfo) {
    this.#owner = owner;
    this.family = from.family;
    this.address = from.address;
    this.port = from.port;
  }

  get localAddress(): string {
    return this.#owner.address;
  }

  get isCongested(): boolean {
    return this.#owner.isCongested;
  }

  send(bytes: Uint8Array, offset: number, length: number): void {
    this.#owner.send(bytes, offset, length, this);
  }

  sendPackets(packets: PacketMemory, count: number): void {
    this.#owner.sendPackets(packets, count, this);
  }

  admit(peer: Peer): void {
    const former = this.peer;
    this.peer = peer;
    this.route ??= BurstRoute.to(this.address, this.port);
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
