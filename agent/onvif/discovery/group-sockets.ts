import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { explain } from '../../base/errors.ts';
import type { LocalAddress } from './interfaces.ts';
import { DISCOVERY_PORT, groupOn, joinGroup } from './probe-socket.ts';

interface GroupSocketsOptions {
  /** UDP port; default 3702. */
  readonly port?: number | undefined;
  onMessage(datagram: Buffer, from: RemoteInfo): void;
  /** The group cannot be joined on an interface. The next refresh tries again. */
  onError(error: string, family: LocalAddress['family']): void;
}

/**
 * Members of the WS-Discovery groups: a socket for IPv4, and one for each interface of IPv6. They are bound to the group's address: other
 * programs listen on the same port, and their unicast datagrams stay with them.
 */
export class GroupSockets {
  readonly #options: GroupSocketsOptions;
  /** Sockets by group. */
  readonly #sockets = new Map<string, Socket>();
  readonly #bound = new WeakSet<Socket>();
  /** Memberships by `group address`, joined or to be joined. */
  readonly #memberships = new Map<string, LocalAddress>();
  readonly #joined = new Set<string>();

  constructor(options: GroupSocketsOptions) {
    this.#options = options;
  }

  /** Joins the groups on these addresses, and leaves them on all others. */
  refresh(locals: readonly LocalAddress[]): void {
    const wanted = new Map(locals.map((local) => [membershipOf(local), local]));
    for (const key of this.#memberships.keys()) {
      if (!wanted.has(key)) {
        this.#leave(key);
      }
    }
    // Addresses that stay join again: an address that has gone may have held the membership of the link for them.
    for (const [key, local] of wanted) {
      this.#join(key, local);
    }
  }

  hasJoined(local: LocalAddress): boolean {
    return this.#joined.has(membershipOf(local));
  }

  close(): void {
    for (const socket of this.#sockets.values()) {
      socket.close();
    }
    this.#sockets.clear();
    this.#memberships.clear();
    this.#joined.clear();
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
      this.#joined.add(membershipOf(local));
    } catch (error) {
      this.#joined.delete(membershipOf(local));
      this.#options.onError(explain(error), local.family);
    }
  }

  #open(group: string, { family }: LocalAddress): Socket {
    const socket = createSocket({ type: family === 'IPv4' ? 'udp4' : 'udp6', reuseAddr: true });
    this.#sockets.set(group, socket);
    socket.on('error', (error) => {
      this.#giveUp(group, socket);
      this.#options.onError(error.message, family);
    });
    socket.on('message', (datagram, from) => this.#options.onMessage(datagram, from));
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
          this.#forget(key);
        }
      }
    }
  }

  #leave(key: string): void {
    this.#forget(key);
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
      // The kernel has left the group when the address went, or another address of the link holds the membership.
    }
  }

  #forget(key: string): void {
    this.#memberships.delete(key);
    this.#joined.delete(key);
  }
}

const membershipOf = (local: LocalAddress): string =>
  `${groupOn(local)} ${local.family === 'IPv4' ? local.address : local.name}`;
