import { isIPv6 } from 'node:net';
import { PerchError } from '../../../base/errors.ts';
import { canonicalIp } from '../../../base/network/ip-address.ts';
import { openUdpPort, PeerTable } from '../../../base/network/udp.ts';
import { dumpDatagrams } from '../../../base/packet-dump/dump-connections.ts';
import { parseAddress } from '../../../config/values/address.ts';
import type { Pair } from '../../../media/rtsp/transport.ts';
import { type FrameRoute, FrameSocket } from './frame-socket.ts';

/** A track of a session: receives the datagrams of a peer's port pair, valid during the call only. */
export interface UdpPeer {
  /** Identifies the session: its tracks do not replace each other. */
  readonly owner: unknown;
  onRtp(datagram: Buffer): void;
  onRtcp(datagram: Buffer): void;
  /** Another session of the same address took over these ports. */
  onReplaced(): void;
}

/** Configuration keys of a pair of ports, for messages. */
export interface PortKeys {
  readonly rtp: 'rtpAddress' | 'srtpAddress';
  readonly rtcp: 'rtcpAddress' | 'srtcpAddress';
}

interface UdpOptions {
  readonly keys: PortKeys;
  readonly rtpAddress: string;
  readonly rtcpAddress: string;
  /** Receive buffer of a socket; 0: the size of a large key frame. */
  readonly readBufferBytes: number;
}

/** Limits of tracks in all sessions, and per address. A recorder's session has two. */
const MAX_PEERS = 2_048;
const MAX_PEERS_OF_ONE = 512;

/** RFC 4291 §2.5.6. Canonical addresses have no zone, which sending requires. */
const LINK_LOCAL = /^fe[89ab]/;

interface PeerAddress {
  readonly ip: string;
  readonly ports: Pair;
}

/** The RTP and RTCP ports of all sessions, with one socket per address family each. */
export class UdpPorts {
  /** Datagrams from unknown addresses. */
  ignored = 0;
  /** RTP peers by address without zone. */
  readonly #rtp = new PeerTable<UdpPeer>();
  readonly #rtcp = new PeerTable<UdpPeer>();
  readonly #addresses = new Map<UdpPeer, PeerAddress>();
  #rtpSockets: readonly FrameSocket[] = [];
  #rtcpSockets: readonly FrameSocket[] = [];

  get rtpPort(): number {
    return this.#rtpSockets[0]?.socket.address().port ?? 0;
  }

  get rtcpPort(): number {
    return this.#rtcpSockets[0]?.socket.address().port ?? 0;
  }

  get isOpen(): boolean {
    return this.#rtpSockets.length > 0 && this.#rtcpSockets.length > 0;
  }

  /** @throws PerchError if a port cannot be opened; none is open then */
  async listen({ keys, rtpAddress, rtcpAddress, readBufferBytes }: UdpOptions): Promise<void> {
    try {
      this.#rtpSockets = await openPort(keys.rtp, rtpAddress, readBufferBytes, this.#rtp, this);
      this.#rtcpSockets = await openPort(keys.rtcp, rtcpAddress, readBufferBytes, this.#rtcp, this);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Passes datagrams from these ports of `ip` to the peer.
   * @param ip canonical
   * @throws PerchError `unsupported` if the ports are unusable, `exhausted` at the limit
   */
  register(ip: string, ports: Pair, peer: UdpPeer): void {
    const [rtp, rtcp] = ports;
    if (rtp < 1 || rtcp < 1 || rtp === rtcp) {
      throw new PerchError('unsupported', `UDP ports ${rtp}-${rtcp} are invalid`);
    }
    const family = isIPv6(ip) ? 'IPv6' : 'IPv4';
    if (!this.#rtpSockets.some(({ socket }) => socket.address().family === family)) {
      throw new PerchError('unsupported', `RTP over UDP cannot reach ${ip}: rtpAddress has no ${family}`);
    }
    if (LINK_LOCAL.test(ip)) {
      throw new PerchError('unsupported', `RTP over UDP cannot reach ${ip}: a link-local address needs a zone`);
    }
    const there = [this.#rtp.get(ip, rtp), this.#rtcp.get(ip, rtcp)];
    const others = new Set(there.filter((other) => other !== undefined));
    if ([...others].some(({ owner }) => owner === peer.owner)) {
      throw new PerchError('unsupported', `UDP ports ${rtp}-${rtcp} belong to another track of the session`);
    }
    for (const other of others) {
      // A client that lost its connection reuses its ports: no other client of its address can have them.
      this.unregister(other);
      other.onReplaced();
    }
    this.#checkLimits(ip);
    this.#rtp.set(ip, rtp, peer);
    this.#rtcp.set(ip, rtcp, peer);
    this.#addresses.set(peer, { ip, ports });
  }

  unregister(peer: UdpPeer): void {
    const address = this.#addresses.get(peer);
    if (address) {
      this.#addresses.delete(peer);
      this.#rtp.delete(address.ip, address.ports[0], peer);
      this.#rtcp.delete(address.ip, address.ports[1], peer);
    }
  }

  /** The network or system is slower than the streams of this address family. */
  isCongested(ip: string): boolean {
    // Above either limit in a socket's send queue, the port is congested.
    return socketFor(this.#rtpSockets, ip)?.isBeyond(1 << 20, 1_024) === true;
  }

  /** As `FrameSocket`. A failed send is a lost packet. */
  sendFrames(frames: Buffer, start: number, count: number, to: FrameRoute): void {
    socketFor(this.#rtpSockets, to.ip)?.sendFrames(frames, start, count, to);
  }

  sendRtcp(bytes: Uint8Array, start: number, length: number, port: number, ip: string): void {
    socketFor(this.#rtcpSockets, ip)?.send(bytes, start, length, port, ip);
  }

  async close(): Promise<void> {
    const sockets = [...this.#rtpSockets, ...this.#rtcpSockets];
    this.#rtpSockets = [];
    this.#rtcpSockets = [];
    await Promise.all(sockets.map((socket) => socket.close()));
  }

  #checkLimits(ip: string): void {
    if (this.#addresses.size >= MAX_PEERS) {
      throw new PerchError('exhausted', `${MAX_PEERS} tracks are sent over UDP, the limit`);
    }
    if (this.#rtp.countAt(ip) >= MAX_PEERS_OF_ONE) {
      throw new PerchError('exhausted', `${MAX_PEERS_OF_ONE} tracks are sent over UDP to ${ip}, the limit`);
    }
  }
}

/** IPv4 is first. */
function socketFor(sockets: readonly FrameSocket[], ip: string): FrameSocket | undefined {
  const [first, second] = sockets;
  return second && ip.includes(':') ? second : first;
}

async function openPort(
  key: PortKeys['rtp' | 'rtcp'],
  address: string,
  bufferBytes: number,
  peers: PeerTable<UdpPeer>,
  ports: UdpPorts,
): Promise<readonly FrameSocket[]> {
  const { host = '', port = 0 } = parseAddress(address) ?? {};
  const sockets = await openUdpPort(key, host, port, bufferBytes);
  for (const socket of sockets) {
    dumpDatagrams(socket, key.startsWith('s') ? 'rtsps_server_packet_conn' : 'rtsp_server_packet_conn');
    socket.on('message', (datagram, from) => {
      const ip = from.address.includes('%') ? (canonicalIp(from.address) ?? '') : from.address;
      const peer = peers.get(ip, from.port);
      if (!peer) {
        ports.ignored += 1;
      } else if (key === 'rtpAddress' || key === 'srtpAddress') {
        peer.onRtp(datagram);
      } else {
        peer.onRtcp(datagram);
      }
    });
  }
  return sockets.map((socket) => new FrameSocket(socket));
}
