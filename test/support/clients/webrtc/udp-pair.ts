import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Pair } from '../../../../agent/media/rtsp/transport.ts';

/** A player's or publisher's two UDP ports on loopback, and the datagrams received. */
export class UdpPair implements AsyncDisposable {
  readonly rtp: Buffer[] = [];
  readonly rtcp: Buffer[] = [];
  readonly host: '127.0.0.1' | '::1';
  /** Ports of the sender; undefined: any. A former owner of our ports may still get datagrams. */
  senders: Pair | undefined;
  readonly #sockets: readonly [rtp: Socket, rtcp: Socket];
  readonly #wakes = new Set<() => void>();

  static async open(host: '127.0.0.1' | '::1' = '127.0.0.1'): Promise<UdpPair> {
    const sockets = await Promise.all([bind(host), bind(host)]);
    return new UdpPair(host, sockets as [Socket, Socket]);
  }

  /** Both ports of a multicast group. @param localIp address of this machine in the group's network */
  static async join(group: string, ports: Pair, localIp: string): Promise<UdpPair> {
    const sockets = await Promise.all(ports.map((port) => bind(group, port)));
    for (const socket of sockets) {
      socket.addMembership(group, localIp);
      socket.setMulticastInterface(localIp);
    }
    return new UdpPair('127.0.0.1', sockets as [Socket, Socket]);
  }

  private constructor(host: '127.0.0.1' | '::1', sockets: readonly [Socket, Socket]) {
    this.host = host;
    this.#sockets = sockets;
    for (const [i, socket] of sockets.entries()) {
      socket.on('message', (datagram, { port }) => {
        if (this.senders?.includes(port) === false) {
          return;
        }
        (i === 0 ? this.rtp : this.rtcp).push(datagram);
        for (const wake of this.#wakes) {
          wake();
        }
      });
    }
  }

  get ports(): Pair {
    return [this.#sockets[0].address().port, this.#sockets[1].address().port];
  }

  /** Resolves when `condition` holds, now or after something has arrived. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#wakes.delete(wake);
          resolve();
        };
        this.#wakes.add(wake);
      });
    }
  }

  /** Resolves when the system has accepted it. */
  send(kind: 'rtp' | 'rtcp', bytes: Uint8Array, port: number, host: string = this.host): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sockets[kind === 'rtp' ? 0 : 1].send(bytes, port, host, (error) => (error ? reject(error) : resolve()));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }
}

async function bind(host: string, port = 0): Promise<Socket> {
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', reuseAddr: port !== 0 });
  socket.bind(port, host);
  await once(socket, 'listening');
  return socket;
}
