import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type InterfaceChoice, type LocalAddress, networkOf, probeAddresses } from './interfaces.ts';
import { type DiscoveryMessage, parseDiscovery } from './probe.ts';
import { DISCOVERY_PORT, groupOn, joinGroup } from './probe-socket.ts';

/** A home has a handful a day. */
const MAX_A_SECOND = 100;
/** Hellos have 1 to 3 kB; parsing a megabyte takes up to a quarter of a second. */
const MAX_BYTES_A_SECOND = 256 << 10;

type OnAnnouncement = (message: DiscoveryMessage, address: string, local: LocalAddress) => void;

interface AnnouncementsOptions extends InterfaceChoice {
  readonly clock: Clock;
  readonly log: Logger;
  readonly port?: number;
}

/**
 * Receives Hello and Bye of cameras. The sockets are bound to the group's address: other programs listen on the same port, and their
 * unicast datagrams stay with them.
 */
export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #onMessage: OnAnnouncement;
  /** By group: one for IPv4, one for each interface of IPv6. */
  readonly #sockets = new Map<string, Socket>();
  readonly #bound = new WeakSet<Socket>();
  /** By `group address`: joined, or to be joined. */
  readonly #memberships = new Map<string, LocalAddress>();
  #locals: readonly LocalAddress[] = [];
  /** At the last refresh. */
  #addresses = '';
  #secondBeganMs = 0;
  #inSecond = 0;
  #bytesInSecond = 0;
  #loggedError = '';

  constructor(options: AnnouncementsOptions, onMessage: OnAnnouncement) {
    this.#options = options;
    this.#onMessage = onMessage;
  }

  /** Listens on the machine's current addresses. @returns whether they have changed */
  refresh(): boolean {
    this.#locals = probeAddresses(networkInterfaces(), this.#options);
    const wanted = new Map(this.#locals.map((local) => [membershipOf(local), local]));
    for (const key of this.#memberships.keys()) {
      if (!wanted.has(key)) {
        this.#leave(key);
      }
    }
    // Those that stay as well: an address that went may have held the membership of the link for others.
    for (const [key, local] of wanted) {
      this.#join(key, local);
    }
    const before = this.#addresses;
    this.#addresses = [...wanted.keys()].join('\n');
    return this.#addresses !== before;
  }

  close(): void {
    for (const socket of this.#sockets.values()) {
      socket.close();
    }
    this.#sockets.clear();
    this.#memberships.clear();
  }

  #join(key: string, local: LocalAddress): void {
    this.#memberships.set(key, local);
    const socket = this.#sockets.get(groupOn(local)) ?? this.#open(groupOn(local), local);
    if (this.#bound.has(socket)) {
      this.#enter(socket, local);
    }
  }

  #enter(socket: Socket, local: LocalAddress): void {
    try {
      const [group = ''] = groupOn(local).split('%');
      joinGroup(socket, group, local.family === 'IPv4' ? local.address : `::%${local.name}`);
    } catch (error) {
      this.#logOnce(explain(error));
    }
  }

  /** Probes find cameras as well, so an unavailable port is not an error. */
  #open(group: string, { family }: LocalAddress): Socket {
    const socket = createSocket({ type: family === 'IPv4' ? 'udp4' : 'udp6', reuseAddr: true });
    this.#sockets.set(group, socket);
    socket.on('error', (error) => {
      this.#logOnce(error.message);
      this.#giveUp(group, socket);
    });
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    socket.on('listening', () => {
      this.#bound.add(socket);
      for (const local of this.#memberships.values()) {
        if (groupOn(local) === group) {
          this.#enter(socket, local);
        }
      }
    });
    socket.bind({ port: this.#options.port ?? DISCOVERY_PORT, address: group });
    return socket;
  }

  #giveUp(group: string, socket: Socket): void {
    if (this.#sockets.get(group) === socket) {
      this.#sockets.delete(group);
      socket.close();
      for (const key of this.#memberships.keys()) {
        if (key.startsWith(`${group} `)) {
          this.#memberships.delete(key);
        }
      }
    }
  }

  #leave(key: string): void {
    this.#memberships.delete(key);
    const [group = '', address = ''] = key.split(' ');
    const socket = this.#sockets.get(group);
    if ([...this.#memberships.keys()].every((other) => !other.startsWith(`${group} `))) {
      this.#sockets.delete(group);
      socket?.close();
      return;
    }
    try {
      socket?.dropMembership(group, address);
    } catch {
      // The kernel has left the group when the address went.
    }
  }

  #receive(datagram: Buffer, { address, family }: RemoteInfo): void {
    const local = this.#localOf(address, family);
    if (!local || !(datagram.includes('Hello') || datagram.includes('Bye')) || !this.#mayRead(datagram.length)) {
      return;
    }
    try {
      const message = parseDiscovery(datagram);
      if (message.kind === 'hello' || message.kind === 'bye') {
        this.#onMessage(message, address, local);
      }
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#options.log.debug({ error: explain(error), address }, 'invalid announcement');
    }
  }

  /** The receiving interface; undefined for networks that are not scanned. */
  #localOf(address: string, family: string): LocalAddress | undefined {
    return this.#locals.find((local) =>
      family === 'IPv4'
        ? local.family === 'IPv4' && networkOf(address, [local])
        : local.family === 'IPv6' && address.endsWith(`%${local.name}`),
    );
  }

  #mayRead(bytes: number): boolean {
    const nowMs = this.#options.clock.monoMs();
    if (nowMs - this.#secondBeganMs >= 1_000) {
      this.#secondBeganMs = nowMs;
      this.#inSecond = 0;
      this.#bytesInSecond = 0;
    }
    this.#inSecond += 1;
    this.#bytesInSecond += bytes;
    return this.#inSecond <= MAX_A_SECOND && this.#bytesInSecond <= MAX_BYTES_A_SECOND;
  }

  #logOnce(error: string): void {
    if (error !== this.#loggedError) {
      this.#loggedError = error;
      this.#options.log.debug({ error }, 'camera announcements cannot be received');
    }
  }
}

const membershipOf = (local: LocalAddress): string =>
  `${groupOn(local)} ${local.family === 'IPv4' ? local.address : local.name}`;
