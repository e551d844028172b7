import { createSocket, type Socket } from 'node:dgram';
import type { Logger } from '../../../base/log.ts';
import { dumpDatagrams } from '../../../base/packet-dump/dump-connections.ts';

/** Receives the RTCP of multicast groups on one port: receivers send it to the group. */
export class MulticastRtcpListener {
  readonly #port: number;
  readonly #take: (datagram: Buffer, ip: string, port: number) => void;
  readonly #log: Logger;
  /** Groups and our address in their network. */
  #memberships: { readonly group: string; readonly egressIp: string }[] = [];
  #socket: Socket | undefined;
  #isOpen = false;

  /** @param take receives a datagram, valid during the call only, and its source */
  constructor(port: number, take: (datagram: Buffer, ip: string, port: number) => void, log: Logger) {
    this.#port = port;
    this.#take = take;
    this.#log = log;
  }

  join(egressIp: string, group: string): void {
    this.#memberships.push({ group, egressIp });
    this.#change(group, egressIp, 'addMembership');
    if (!this.#socket) {
      this.#open();
    }
  }

  leave(egressIp: string, group: string): void {
    this.#memberships = this.#memberships.filter((one) => one.egressIp !== egressIp || one.group !== group);
    this.#change(group, egressIp, 'dropMembership');
    if (this.#memberships.length === 0) {
      this.#socket?.close();
      this.#socket = undefined;
      this.#isOpen = false;
    }
  }

  #change(group: string, egressIp: string, how: 'addMembership' | 'dropMembership'): void {
    if (this.#isOpen) {
      try {
        this.#socket?.[how](group, egressIp);
      } catch (cause) {
        // Linux allows 20 memberships. Other readers stay alive by their requests.
        this.#log.debug({ group, reason: String(cause) }, 'cannot receive RTCP of a multicast group');
      }
    }
  }

  #open(): void {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    this.#socket = socket;
    socket.on('listening', () => {
      if (this.#socket === socket) {
        dumpDatagrams(socket, 'rtsp_server_packet_conn');
        this.#isOpen = true;
        for (const { group, egressIp } of this.#memberships) {
          this.#change(group, egressIp, 'addMembership');
        }
      }
    });
    socket.on('error', (cause) =>
      this.#log.debug({ port: this.#port, reason: String(cause) }, 'cannot receive RTCP of multicast groups'),
    );
    socket.on('message', (datagram, { address, port }) => this.#take(datagram, address, port));
    socket.bind({ address: '0.0.0.0', port: this.#port });
  }
}
