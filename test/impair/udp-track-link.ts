import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { systemClock } from '../../agent/base/clock.ts';
import { freeUdpPair } from '../support/base/free-port.ts';
import { type LinkState, type PacketImpairment, PacketLink, type Watch } from './packet-link.ts';
import type { Ports } from './rtsp-text.ts';

const LOOPBACK = '127.0.0.1';
/** A key picture arrives in one burst. */
const BUFFER_BYTES = 4 << 20;

export interface TrackWatch {
  readonly toClient?: Watch | undefined;
  readonly toServer?: Watch | undefined;
}

/** RTP and RTCP of one track between a client's two UDP ports and a server's: each sees the relay's two ports instead. */
export class UdpTrackLink {
  /** Unknown until the reply to SETUP. */
  serverPorts: Ports | undefined;
  readonly clientPorts: Ports;
  readonly #sockets: readonly Socket[];
  readonly #links: PacketLink[] = [];

  static async open(clientPorts: Ports, impairment: PacketImpairment, watch: TrackWatch): Promise<UdpTrackLink> {
    const ports = await freeUdpPair();
    const sockets = ports.map((port) => createSocket('udp4').bind(port, LOOPBACK));
    await Promise.all(sockets.map((socket) => once(socket, 'listening')));
    return new UdpTrackLink(clientPorts, sockets, impairment, watch);
  }

  private constructor(clientPorts: Ports, sockets: readonly Socket[], impairment: PacketImpairment, watch: TrackWatch) {
    this.clientPorts = clientPorts;
    this.#sockets = sockets;
    for (const [i, socket] of sockets.entries()) {
      this.#join(socket, i as 0 | 1, impairment, watch);
    }
  }

  get ports(): Ports {
    const [rtp = 0, rtcp = 0] = this.#sockets.map((socket) => socket.address().port);
    return [rtp, rtcp];
  }

  set state(state: LinkState) {
    for (const link of this.#links) {
      link.state = state;
    }
  }

  close(): void {
    for (const link of this.#links) {
      link.close();
    }
    for (const socket of this.#sockets) {
      socket.close();
    }
  }

  #join(socket: Socket, i: 0 | 1, impairment: PacketImpairment, watch: TrackWatch): void {
    socket.setRecvBufferSize(BUFFER_BYTES);
    const link = (turn: number, portOf: () => number | undefined) => {
      // Random numbers of its own for each socket and direction.
      const own = { ...impairment, seed: impairment.seed + 2 * i + turn };
      const made = new PacketLink(own, systemClock, (packet) => {
        const port = portOf();
        if (port !== undefined) {
          socket.send(packet, port, LOOPBACK);
        }
      });
      this.#links.push(made);
      return made;
    };
    const toClient = link(0, () => this.clientPorts[i]);
    const toServer = link(1, () => this.serverPorts?.[i]);
    socket.on('message', (packet, { port }) => {
      const isClient = port === this.clientPorts[i];
      const copies = (isClient ? toServer : toClient).push(packet);
      (isClient ? watch.toServer : watch.toClient)?.(packet, copies, i === 0);
    });
  }
}
