import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4, isIPv6 } from 'node:net';
import { PerchError } from '../../base/errors.ts';
import type { Reachable } from './candidates.ts';
import { type BindingRequest, isStun, parseBindingRequest } from './stun.ts';

/** Whoever a datagram belongs to. */
export interface UdpPeer {
  /** A connectivity check for the peer's user fragment; not authenticated yet. */
  onCheck(datagram: Uint8Array, request: BindingRequest, from: RemoteInfo): void;
  /** DTLS or SRTCP from an address that passed a check. Valid during the call only. */
  onDatagram(datagram: Buffer, from: RemoteInfo): void;
}

/** Kernel buffers: one key frame of 4 Mbit/s video to ten viewers leaves in one go. */
const SOCKET_BUFFER_BYTES = 1 << 20;
/** Above either, video waits for the next key frame: what libuv has queued must not be overwritten in the slots. */
const QUEUE_LIMIT_BYTES = 1 << 20;
const QUEUE_LIMIT_PACKETS = 2_048;
/** Room for a header, a full payload and a tag, and a multiple of 16 bytes. */
const SLOT_BYTES = 1_216;
const SLOT_COUNT = 4_096;
/** A phone has a handful of addresses; the oldest is forgotten. */
const MAX_ADDRESSES_PER_PEER = 16;

/** The one UDP port of all sessions: a socket per address family. */
export class UdpPort {
  /** Datagrams that belong to nobody, or are nothing that we know. */
  ignored = 0;
  /** Where SRTP packets are built: a datagram may wait in libuv's queue, so a slot is used again only 4,096 packets later. */
  readonly slots = new Uint8Array(SLOT_BYTES * SLOT_COUNT);
  readonly slotWords = new Uint32Array(this.slots.buffer);
  readonly slotView = new DataView(this.slots.buffer);
  readonly #byUfrag = new Map<string, UdpPeer>();
  /** Address, then port: no string has to be built to find a peer. */
  readonly #byAddress = new Map<string, Map<number, UdpPeer>>();
  readonly #addressesOf = new Map<UdpPeer, RemoteInfo[]>();
  #ipv4: Socket | undefined;
  #ipv6: Socket | undefined;
  #only: string | undefined;
  #nextSlot = 0;

  get port(): number {
    return (this.#ipv4 ?? this.#ipv6)?.address().port ?? 0;
  }

  get reachable(): Reachable {
    return { ipv4: this.#ipv4 !== undefined, ipv6: this.#ipv6 !== undefined, only: this.#only };
  }

  /** @param address `:8189` both families, `0.0.0.0:8189` IPv4, `[::]:8189` IPv6, or one address of this machine */
  async listen(address: string): Promise<void> {
    const { host, port } = parseUdpAddress(address);
    this.#only = host === '' || host === '0.0.0.0' || host === '::' ? undefined : host;
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

  register(ufrag: string, peer: UdpPeer): void {
    this.#byUfrag.set(ufrag, peer);
  }

  unregister(ufrag: string): void {
    this.#byUfrag.delete(ufrag);
  }

  /** From now on the peer gets what comes from this address: it has passed a check. */
  admit(peer: UdpPeer, from: RemoteInfo): void {
    const ports = this.#byAddress.get(from.address) ?? new Map<number, UdpPeer>();
    if (ports.get(from.port) === peer) {
      return;
    }
    this.#byAddress.set(from.address, ports);
    ports.set(from.port, peer);
    const addresses = this.#addressesOf.get(peer) ?? [];
    this.#addressesOf.set(peer, addresses);
    addresses.push(from);
    if (addresses.length > MAX_ADDRESSES_PER_PEER) {
      this.#forgetAddress(peer, addresses.shift() as RemoteInfo);
    }
  }

  forget(peer: UdpPeer): void {
    for (const address of this.#addressesOf.get(peer) ?? []) {
      this.#forgetAddress(peer, address);
    }
    this.#addressesOf.delete(peer);
  }

  /** The byte offset of the next slot in `slots`. */
  takeSlot(): number {
    const slot = this.#nextSlot;
    this.#nextSlot = (slot + 1) % SLOT_COUNT;
    return slot * SLOT_BYTES;
  }

  /** Sends at once; what the kernel does not take waits in libuv's queue. A failed send is a lost packet. */
  send(bytes: Uint8Array, offset: number, length: number, to: RemoteInfo): void {
    const socket = to.family === 'IPv4' ? this.#ipv4 : this.#ipv6;
    socket?.send(bytes, offset, length, to.port, to.address);
  }

  get isCongested(): boolean {
    return isQueueFull(this.#ipv4) || isQueueFull(this.#ipv6);
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
    if (isStun(datagram)) {
      this.#onStun(datagram, from);
      return;
    }
    const peer = this.#byAddress.get(from.address)?.get(from.port);
    if (peer) {
      peer.onDatagram(datagram, from);
    } else {
      this.ignored += 1;
    }
  }

  #onStun(datagram: Buffer, from: RemoteInfo): void {
    const request = parseBindingRequest(datagram);
    const ufrag = request?.username.slice(0, request.username.indexOf(':')) ?? '';
    const peer = this.#byUfrag.get(ufrag);
    if (request && peer) {
      peer.onCheck(datagram, request, from);
    } else {
      this.ignored += 1;
    }
  }

  #forgetAddress(peer: UdpPeer, address: RemoteInfo): void {
    const ports = this.#byAddress.get(address.address);
    if (ports?.get(address.port) !== peer) {
      return;
    }
    ports.delete(address.port);
    if (ports.size === 0) {
      this.#byAddress.delete(address.address);
    }
  }
}

function isQueueFull(socket: Socket | undefined): boolean {
  return (
    socket !== undefined &&
    (socket.getSendQueueSize() > QUEUE_LIMIT_BYTES || socket.getSendQueueCount() > QUEUE_LIMIT_PACKETS)
  );
}

/** `:8189`, `192.168.1.2:8189` or `[::]:8189`. */
export function parseUdpAddress(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]*)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? Number.NaN);
  const isWhole = host === '' || isIPv4(host) || isIPv6(host);
  if (!(port <= 65_535) || !isWhole) {
    throw new PerchError('badInput', `'${address}' is not a UDP address: write for example :8189 or 192.168.1.2:8189`);
  }
  return { host, port };
}

function cannotOpen(cause: NodeJS.ErrnoException, address: string, port: number): PerchError {
  const context = { address, port };
  if (cause.code === 'EADDRINUSE') {
    const text = `UDP port ${port} is taken by another program: stop it or change webrtcLocalUDPAddress`;
    return new PerchError('unavailable', text, context);
  }
  return new PerchError('unavailable', `cannot open UDP port ${port} on ${address}`, context, cause);
}
