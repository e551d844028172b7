import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { IpList } from '../../../base/ip-address.ts';
import type { Logger } from '../../../base/log.ts';
import type { Pair } from '../../../media/rtsp/transport.ts';
import type { Stream } from '../../../stream/stream.ts';
import { GroupRange } from './group-range.ts';
import type { MulticastPlace } from './media-plane.ts';
import { GroupEars } from './multicast-rtcp-listener.ts';

export interface MulticastOptions {
  readonly range: string;
  /** Of the first track; each further one has the next but one. */
  readonly rtpPort: number;
  readonly rtcpPort: number;
}

/** Who hears what the receivers at an address report. A datagram is valid during the call only. */
export interface GroupListener {
  /** Canonical. */
  readonly ip: string;
  onRtcp(datagram: Buffer): void;
}

/** Routers pass it on so many times at most. */
const TTL = 16;
const SOCKET_BUFFER_BYTES = 1 << 20;
const QUEUE_LIMIT_BYTES = 1 << 20;

/** A socket that sends into one of this machine's networks. */
interface Exit {
  readonly socket: Socket;
  users: number;
  /** 0 while it is being opened. */
  port: number;
}

/** The group addresses of streams, the sockets that send to them, and those that hear what receivers report. */
export class Multicast {
  readonly clock: Clock;
  readonly #options: MulticastOptions;
  readonly #range: GroupRange;
  readonly #log: Logger;
  readonly #groups = new WeakMap<Stream, string>();
  /** Groups that something is sent to. */
  readonly #used = new Map<string, Stream>();
  /** By address of ours. */
  readonly #exits = new Map<string, Exit>();
  /** By track. */
  readonly #ears: GroupEars[] = [];
  /** By receiver's address. */
  readonly #listeners = new Map<string, Set<GroupListener>>();

  /** @throws PerchError when the range is none */
  constructor(options: MulticastOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#range = new GroupRange(options.range);
    this.clock = clock;
    this.#log = log;
  }

  /** A stream keeps its group, so that a description stays true: unless the range is so small that another has it meanwhile. */
  placeOf(stream: Stream): MulticastPlace {
    const before = this.#groups.get(stream);
    const isFree = before !== undefined && (this.#used.get(before) ?? stream) === stream;
    const group = isFree ? before : this.#range.take(this.#used);
    this.#groups.set(stream, group);
    return { group, ports: stream.tracks.map((_, track) => this.portsOf(track)), ttl: TTL };
  }

  portsOf(track: number): Pair {
    return [this.#options.rtpPort + 2 * track, this.#options.rtcpPort + 2 * track];
  }

  /** A stream begins to be sent to its group, or ends. */
  occupy(group: string, stream: Stream): void {
    this.#used.set(group, stream);
  }

  vacate(group: string): void {
    this.#used.delete(group);
  }

  /**
   * Our address in the network where a reader listens. One on this machine listens where the route to the group leads.
   * @throws PerchError `unsupported` for readers over IPv6: the groups are IPv4's
   */
  exitFor(readerIp: string): string {
    if (!isIPv4(readerIp)) {
      throw new PerchError('unsupported', `multicast goes to IPv4 addresses only, and the reader's is ${readerIp}`);
    }
    const own = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal);
    const near = own.find(({ cidr }) => cidr !== null && new IpList([cidr]).has(readerIp));
    return (near ?? own[0])?.address ?? '127.0.0.1';
  }

  /** Opens the way into a network, for as long as somebody uses it. @param tracks how many are sent to the group */
  open(exitIp: string, group: string, tracks: number): void {
    const exit = this.#exits.get(exitIp) ?? this.#openExit(exitIp);
    exit.users += 1;
    for (let track = 0; track < tracks; track += 1) {
      this.#earsOf(track).join(exitIp, group);
    }
  }

  close(exitIp: string, group: string, tracks: number): void {
    for (let track = 0; track < tracks; track += 1) {
      this.#earsOf(track).leave(exitIp, group);
    }
    const exit = this.#exits.get(exitIp);
    if (exit) {
      exit.users -= 1;
      if (exit.users === 0) {
        this.#exits.delete(exitIp);
        exit.socket.close();
      }
    }
  }

  isCongested(exitIp: string): boolean {
    const exit = this.#exits.get(exitIp);
    return exit === undefined || exit.port === 0 || exit.socket.getSendQueueSize() > QUEUE_LIMIT_BYTES;
  }

  send(exitIp: string, bytes: Uint8Array, start: number, length: number, port: number, group: string): void {
    const exit = this.#exits.get(exitIp);
    if (exit && exit.port !== 0) {
      exit.socket.send(bytes, start, length, port, group);
    }
  }

  listen(listener: GroupListener): void {
    const listeners = this.#listeners.get(listener.ip) ?? new Set();
    this.#listeners.set(listener.ip, listeners);
    listeners.add(listener);
  }

  unlisten(listener: GroupListener): void {
    const listeners = this.#listeners.get(listener.ip);
    listeners?.delete(listener);
    if (listeners?.size === 0) {
      this.#listeners.delete(listener.ip);
    }
  }

  #earsOf(track: number): GroupEars {
    const [, rtcpPort] = this.portsOf(track);
    const take = (datagram: Buffer, ip: string, port: number) => this.#hear(datagram, ip, port);
    this.#ears[track] ??= new GroupEars(rtcpPort, take, this.#log);
    return this.#ears[track];
  }

  #hear(datagram: Buffer, ip: string, port: number): void {
    for (const exit of this.#exits.values()) {
      if (exit.port === port) {
        // Our own report: what is sent to a group is heard by its sender too.
        return;
      }
    }
    for (const listener of this.#listeners.get(ip) ?? []) {
      listener.onRtcp(datagram);
    }
  }

  #openExit(ip: string): Exit {
    const socket = createSocket({
      type: 'udp4',
      sendBufferSize: SOCKET_BUFFER_BYTES,
      lookup: (host, _options, callback) => callback(null, host, 4),
    });
    const exit: Exit = { socket, users: 0, port: 0 };
    this.#exits.set(ip, exit);
    // A network that is down right now: the packet is lost like any other.
    socket.on('error', () => {});
    socket.on('listening', () => {
      try {
        socket.setMulticastInterface(ip);
        socket.setMulticastTTL(TTL);
        // Players on this machine are readers too.
        socket.setMulticastLoopback(true);
        exit.port = socket.address().port;
      } catch (cause) {
        this.#log.warn({ ip, reason: String(cause) }, 'cannot send multicast from this address');
      }
    });
    // A port of its own: bound to that of the groups it would be given its own packets.
    socket.bind({ address: '0.0.0.0', port: 0 });
    return exit;
  }
}
