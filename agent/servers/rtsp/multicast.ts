import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { IpList } from '../../base/ip-address.ts';
import type { Logger } from '../../base/log.ts';
import type { Stream } from '../../stream/stream.ts';
import { GroupEars, type GroupListener } from './group-ears.ts';
import { GroupRange } from './group-range.ts';
import type { MulticastPlace } from './media-plane.ts';

export interface MulticastOptions {
  readonly range: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
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

/** The group addresses of streams, the sockets that send to them, and the one that hears what receivers report. */
export class Multicast {
  readonly rtpPort: number;
  readonly #rtcpPort: number;
  readonly #range: GroupRange;
  readonly #log: Logger;
  readonly #groups = new WeakMap<Stream, readonly string[]>();
  readonly #used = new Set<string>();
  readonly #exits = new Map<string, Exit>();
  readonly #ears: GroupEars;
  readonly clock: Clock;

  /** @throws PerchError when the range is none */
  constructor(options: MulticastOptions, clock: Clock, log: Logger) {
    this.rtpPort = options.rtpPort;
    this.#rtcpPort = options.rtcpPort;
    this.#range = new GroupRange(options.range);
    this.clock = clock;
    this.#log = log;
    this.#ears = new GroupEars(options.rtcpPort, (port) => this.#isOwn(port), log);
  }

  get rtcpPort(): number {
    return this.#rtcpPort;
  }

  /** A stream keeps its groups as long as it lives, so that a description stays true. */
  placeOf(stream: Stream): MulticastPlace {
    const groups = this.#groups.get(stream) ?? this.#range.take(stream.tracks.length, this.#used);
    this.#groups.set(stream, groups);
    return { groups, port: this.rtpPort, ttl: TTL };
  }

  /** A stream begins to be sent to its groups, or ends. */
  occupy(groups: readonly string[]): void {
    for (const group of groups) {
      this.#used.add(group);
    }
  }

  vacate(groups: readonly string[]): void {
    for (const group of groups) {
      this.#used.delete(group);
    }
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

  /** Opens the way into a network, for as long as somebody uses it. */
  open(exitIp: string, groups: readonly string[]): void {
    const exit = this.#exits.get(exitIp) ?? this.#openExit(exitIp);
    exit.users += 1;
    this.#ears.join(exitIp, groups);
  }

  close(exitIp: string, groups: readonly string[]): void {
    const exit = this.#exits.get(exitIp);
    if (!exit) {
      return;
    }
    this.#ears.leave(exitIp, groups);
    exit.users -= 1;
    if (exit.users === 0) {
      this.#exits.delete(exitIp);
      exit.socket.close();
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
    this.#ears.add(listener);
  }

  unlisten(listener: GroupListener): void {
    this.#ears.remove(listener);
  }

  #isOwn(port: number): boolean {
    for (const exit of this.#exits.values()) {
      if (exit.port === port) {
        return true;
      }
    }
    return false;
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
