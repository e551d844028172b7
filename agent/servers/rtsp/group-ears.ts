import { createSocket, type Socket } from 'node:dgram';
import type { Logger } from '../../base/log.ts';

/** Who hears what the receivers at an address report. A datagram is valid during the call only. */
export interface GroupListener {
  /** Canonical. */
  readonly ip: string;
  onRtcp(datagram: Buffer): void;
}

/** Hears the RTCP of multicast groups, while there are some: receivers send it to the group. */
export class GroupEars {
  readonly #port: number;
  readonly #isOwnPort: (port: number) => boolean;
  readonly #log: Logger;
  /** By receiver's address. */
  readonly #listeners = new Map<string, Set<GroupListener>>();
  /** Groups, and the address of ours in the network where each is heard. */
  #memberships: { readonly group: string; readonly exitIp: string }[] = [];
  #socket: Socket | undefined;
  #isOpen = false;

  /** @param isOwnPort whether we send from this port: what is sent to a group is heard by its sender too */
  constructor(port: number, isOwnPort: (port: number) => boolean, log: Logger) {
    this.#port = port;
    this.#isOwnPort = isOwnPort;
    this.#log = log;
  }

  add(listener: GroupListener): void {
    const listeners = this.#listeners.get(listener.ip) ?? new Set();
    this.#listeners.set(listener.ip, listeners);
    listeners.add(listener);
  }

  remove(listener: GroupListener): void {
    const listeners = this.#listeners.get(listener.ip);
    listeners?.delete(listener);
    if (listeners?.size === 0) {
      this.#listeners.delete(listener.ip);
    }
  }

  join(exitIp: string, groups: readonly string[]): void {
    for (const group of groups) {
      this.#memberships.push({ group, exitIp });
      this.#change(group, exitIp, 'addMembership');
    }
    if (!this.#socket) {
      this.#open();
    }
  }

  leave(exitIp: string, groups: readonly string[]): void {
    this.#memberships = this.#memberships.filter((one) => one.exitIp !== exitIp || !groups.includes(one.group));
    for (const group of groups) {
      this.#change(group, exitIp, 'dropMembership');
    }
    if (this.#memberships.length === 0) {
      this.#socket?.close();
      this.#socket = undefined;
      this.#isOpen = false;
    }
  }

  #change(group: string, exitIp: string, how: 'addMembership' | 'dropMembership'): void {
    if (this.#isOpen) {
      try {
        this.#socket?.[how](group, exitIp);
      } catch (cause) {
        // Linux allows 20 memberships. Readers that are not heard stay alive by their requests.
        this.#log.debug({ group, reason: String(cause) }, 'reports of a multicast group are not heard');
      }
    }
  }

  #open(): void {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    this.#socket = socket;
    socket.on('listening', () => {
      if (this.#socket === socket) {
        this.#isOpen = true;
        for (const { group, exitIp } of this.#memberships) {
          this.#change(group, exitIp, 'addMembership');
        }
      }
    });
    socket.on('error', (cause) =>
      this.#log.debug({ port: this.#port, reason: String(cause) }, 'reports of multicast groups are not heard'),
    );
    socket.on('message', (datagram, { address, port }) => {
      if (!this.#isOwnPort(port)) {
        for (const listener of this.#listeners.get(address) ?? []) {
          listener.onRtcp(datagram);
        }
      }
    });
    socket.bind({ address: '0.0.0.0', port: this.#port });
  }
}
