import { createSocket, type Socket } from 'node:dgram';
import type { Logger } from '../../../base/log.ts';

/** Hears the RTCP of multicast groups on one port, while there are some: receivers send it to the group. */
export class GroupEars {
  readonly #port: number;
  readonly #take: (datagram: Buffer, ip: string, port: number) => void;
  readonly #log: Logger;
  /** Groups, and the address of ours in the network where each is heard. */
  #memberships: { readonly group: string; readonly exitIp: string }[] = [];
  #socket: Socket | undefined;
  #isOpen = false;

  /** @param take gets what is heard, with the address and port that it comes from; a datagram is valid during the call only */
  constructor(port: number, take: (datagram: Buffer, ip: string, port: number) => void, log: Logger) {
    this.#port = port;
    this.#take = take;
    this.#log = log;
  }

  join(exitIp: string, group: string): void {
    this.#memberships.push({ group, exitIp });
    this.#change(group, exitIp, 'addMembership');
    if (!this.#socket) {
      this.#open();
    }
  }

  leave(exitIp: string, group: string): void {
    this.#memberships = this.#memberships.filter((one) => one.exitIp !== exitIp || one.group !== group);
    this.#change(group, exitIp, 'dropMembership');
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
    socket.on('message', (datagram, { address, port }) => this.#take(datagram, address, port));
    socket.bind({ address: '0.0.0.0', port: this.#port });
  }
}
