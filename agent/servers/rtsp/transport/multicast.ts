import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { systemInterfaces } from '../../../base/network/interfaces.ts';
import { IpList } from '../../../base/network/ip-address.ts';
import { dumpDatagrams } from '../../../base/packet-dump/dump-connections.ts';
import type { Pair } from '../../../media/rtsp/transport.ts';
import type { Stream } from '../../../stream/stream.ts';
import { type FrameRoute, FrameSocket } from './frame-socket.ts';
import type { MulticastAddress } from './media-plane.ts';
import { MulticastRtcpListener } from './multicast-rtcp-listener.ts';

interface MulticastOptions {
  readonly range: string;
  /** RTP and RTCP ports of the first track; each further track adds two. */
  readonly rtpPort: number;
  readonly rtcpPort: number;
}

/** Receives a reader's reports. A datagram is valid during the call only. */
export interface ReportListener {
  /** Canonical IP address. */
  readonly ip: string;
  onRtcp(datagram: Buffer): void;
}

/** Hops across routers. */
const TTL = 16;
const SOCKET_BUFFER_BYTES = 1 << 20;

/** A socket that sends into one local network. */
interface Egress {
  readonly socket: Socket;
  users: number;
  /** Undefined until it is open. */
  sender: FrameSocket | undefined;
  /** 0 until it is open. */
  port: number;
}

/** Group addresses of streams, their sending sockets and RTCP listeners. */
export class Multicast {
  readonly clock: Clock;
  readonly #options: MulticastOptions;
  readonly #range: MulticastRange;
  readonly #log: Logger;
  readonly #groups = new WeakMap<Stream, string>();
  /** Groups in use. */
  readonly #used = new Map<string, Stream>();
  /** Egresses by local address. */
  readonly #egresses = new Map<string, Egress>();
  /** RTCP listeners by track. */
  readonly #rtcpListeners: MulticastRtcpListener[] = [];
  /** Report listeners by receiver's address. */
  readonly #listeners = new Map<string, Set<ReportListener>>();

  /** @throws PerchError if the range is invalid */
  constructor(options: MulticastOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#range = new MulticastRange(options.range);
    this.clock = clock;
    this.#log = log;
  }

  /** A stream keeps its group so that its SDP stays valid, unless a small range had to reuse it. */
  addressOf(stream: Stream): MulticastAddress {
    const before = this.#groups.get(stream);
    const isFree = before !== undefined && (this.#used.get(before) ?? stream) === stream;
    const group = isFree ? before : this.#range.take(this.#used);
    this.#groups.set(stream, group);
    return { group, ports: stream.tracks.map((_, track) => this.portsOf(track)), ttl: TTL };
  }

  portsOf(track: number): Pair {
    return [this.#options.rtpPort + 2 * track, this.#options.rtcpPort + 2 * track];
  }

  reserve(group: string, stream: Stream): void {
    this.#used.set(group, stream);
  }

  release(group: string): void {
    this.#used.delete(group);
  }

  /**
   * Our address in the reader's network. A local reader listens where the route to the group leads.
   * @throws PerchError `unsupported` for IPv6 readers: groups are IPv4
   */
  egressFor(readerIp: string): string {
    if (!isIPv4(readerIp)) {
      throw new PerchError('unsupported', `multicast needs an IPv4 reader, not ${readerIp}`);
    }
    const own = Object.values(systemInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal);
    const near = own.find(({ cidr }) => cidr !== null && new IpList([cidr]).has(readerIp));
    return (near ?? own[0])?.address ?? '127.0.0.1';
  }

  /** Opens a network's socket for one more user. @param tracks sent to the group */
  open(egressIp: string, group: string, tracks: number): void {
    const egress = this.#egresses.get(egressIp) ?? this.#openEgress(egressIp);
    egress.users += 1;
    for (let track = 0; track < tracks; track += 1) {
      this.#rtcpListenerOf(track).join(egressIp, group);
    }
  }

  close(egressIp: string, group: string, tracks: number): void {
    for (let track = 0; track < tracks; track += 1) {
      this.#rtcpListenerOf(track).leave(egressIp, group);
    }
    const egress = this.#egresses.get(egressIp);
    if (egress) {
      egress.users -= 1;
      if (egress.users === 0) {
        this.#egresses.delete(egressIp);
        if (egress.sender) {
          void egress.sender.close();
        } else {
          egress.socket.close();
        }
      }
    }
  }

  isCongested(egressIp: string): boolean {
    const sender = this.#egresses.get(egressIp)?.sender;
    return sender === undefined || sender.isBeyond(1 << 20, Number.POSITIVE_INFINITY);
  }

  send(egressIp: string, bytes: Uint8Array, start: number, length: number, port: number, group: string): void {
    this.#egresses.get(egressIp)?.sender?.send(bytes, start, length, port, group);
  }

  sendFrames(egressIp: string, frames: Buffer, start: number, count: number, to: FrameRoute): void {
    this.#egresses.get(egressIp)?.sender?.sendFrames(frames, start, count, to);
  }

  listen(listener: ReportListener): void {
    const listeners = this.#listeners.get(listener.ip) ?? new Set();
    this.#listeners.set(listener.ip, listeners);
    listeners.add(listener);
  }

  unlisten(listener: ReportListener): void {
    const listeners = this.#listeners.get(listener.ip);
    listeners?.delete(listener);
    if (listeners?.size === 0) {
      this.#listeners.delete(listener.ip);
    }
  }

  #rtcpListenerOf(track: number): MulticastRtcpListener {
    const [, rtcpPort] = this.portsOf(track);
    const take = (datagram: Buffer, ip: string, port: number) => this.#onRtcp(datagram, ip, port);
    this.#rtcpListeners[track] ??= new MulticastRtcpListener(rtcpPort, take, this.#log);
    return this.#rtcpListeners[track];
  }

  #onRtcp(datagram: Buffer, ip: string, port: number): void {
    for (const egress of this.#egresses.values()) {
      if (egress.port === port) {
        // Ignores Perch's own reports, which are looped back.
        return;
      }
    }
    for (const listener of this.#listeners.get(ip) ?? []) {
      listener.onRtcp(datagram);
    }
  }

  #openEgress(ip: string): Egress {
    const socket = createSocket({
      type: 'udp4',
      sendBufferSize: SOCKET_BUFFER_BYTES,
      lookup: (host, _options, callback) => callback(null, host, 4),
    });
    const egress: Egress = { socket, users: 0, sender: undefined, port: 0 };
    this.#egresses.set(ip, egress);
    // An error means that the network is down: the packet is lost.
    socket.on('error', () => {});
    socket.on('listening', () => {
      try {
        socket.setMulticastInterface(ip);
        socket.setMulticastTTL(TTL);
        // Loopback serves players on this box.
        socket.setMulticastLoopback(true);
        dumpDatagrams(socket, 'rtsp_server_packet_conn');
        egress.port = socket.address().port;
        egress.sender = new FrameSocket(socket);
      } catch (cause) {
        this.#log.warn({ ip, reason: String(cause) }, 'cannot send multicast from this address');
      }
    });
    // A socket bound to the groups' port would receive its own packets.
    socket.bind({ address: '0.0.0.0', port: 0 });
    return egress;
  }
}

/** 224.0.0.0/4, RFC 5771 §3. */
const FIRST_OCTET = 224;
const LAST_OCTET = 239;

/** Allocates group addresses of a range such as `224.1.0.0/16` in turn. */
export class MulticastRange {
  readonly #text: string;
  /** First address as a number, and the number of addresses. */
  readonly #base: number;
  readonly #size: number;
  #next = 0;

  /** @throws PerchError if `text` is not a range of IPv4 multicast addresses */
  constructor(text: string) {
    const [ip = '', bits = '32', ...more] = text.split('/');
    const prefix = /^\d{1,2}$/.test(bits) ? Number(bits) : Number.NaN;
    const octets = ip.split('.').map(Number);
    const first = octets[0] ?? 0;
    if (!isIPv4(ip) || more.length > 0 || !(prefix >= 4 && prefix <= 32) || first < FIRST_OCTET || first > LAST_OCTET) {
      throw new PerchError('badInput', `multicastIPRange '${text.slice(0, 40)}' is not a range such as 224.1.0.0/16`);
    }
    this.#text = text;
    this.#size = 2 ** (32 - prefix);
    const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
    this.#base = address - (address % this.#size);
  }

  /**
   * A free address; released ones are reused as late as possible.
   * @throws PerchError `exhausted`
   */
  take(used: Pick<ReadonlySet<string>, 'has' | 'size'>): string {
    const tries = Math.min(this.#size, used.size + 1);
    for (let tried = 0; tried < tries; tried += 1) {
      const group = this.#at(this.#next);
      this.#next = (this.#next + 1) % this.#size;
      if (!used.has(group)) {
        return group;
      }
    }
    throw new PerchError('exhausted', `all ${this.#size} group addresses of multicastIPRange ${this.#text} are in use`);
  }

  #at(index: number): string {
    const address = this.#base + index;
    return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
  }
}
