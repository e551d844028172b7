import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { systemClock } from '../../agent/base/clock.ts';
import { type PacketImpairment, PacketLink, type WayState } from './packet-link.ts';

const LOOPBACK = '127.0.0.1';
/** A key picture comes in one burst. */
const BUFFER_BYTES = 4 << 20;

interface Way {
  /** The server sees this client's datagrams come from here. */
  readonly socket: Socket;
  readonly toServer: PacketLink;
  readonly toClient: PacketLink;
}

/** A bad network in front of a server's one UDP port: each client that sends to the relay gets a way of its own. */
export class MediaRelay implements AsyncDisposable {
  /** Datagrams on their way to clients, and those of them that were lost. */
  sent = 0;
  lost = 0;
  readonly #to: number;
  readonly #impairment: PacketImpairment;
  readonly #front = createSocket('udp4');
  /** By the client's address and port: a browser may take another address of this machine. */
  readonly #ways = new Map<string, Promise<Way>>();
  #state: WayState = 'open';

  /** @param to UDP port on loopback */
  static async start(to: number, impairment: PacketImpairment): Promise<MediaRelay> {
    const relay = new MediaRelay(to, impairment);
    relay.#front.bind(0, LOOPBACK);
    await once(relay.#front, 'listening');
    relay.#front.setRecvBufferSize(BUFFER_BYTES);
    return relay;
  }

  private constructor(to: number, impairment: PacketImpairment) {
    this.#to = to;
    this.#impairment = impairment;
    this.#front.on('message', async (packet, { address, port }) => {
      const client = `${address}:${port}`;
      const way = this.#ways.get(client) ?? this.#open(address, port);
      this.#ways.set(client, way);
      (await way).toServer.push(packet);
    });
  }

  get port(): number {
    return this.#front.address().port;
  }

  /** Of all that goes through it, and of what will. */
  async setState(state: WayState): Promise<void> {
    this.#state = state;
    for (const { toServer, toClient } of await Promise.all(this.#ways.values())) {
      toServer.state = state;
      toClient.state = state;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ways = await Promise.all(this.#ways.values());
    for (const { socket, toServer, toClient } of ways) {
      toServer.close();
      toClient.close();
      socket.close();
    }
    this.#front.close();
    await once(this.#front, 'close');
  }

  async #open(address: string, port: number): Promise<Way> {
    const socket = createSocket('udp4');
    socket.bind(0, LOOPBACK);
    await once(socket, 'listening');
    socket.setRecvBufferSize(BUFFER_BYTES);
    // Each way and direction with luck of its own.
    const link = (turn: number, deliver: (packet: Uint8Array) => void) => {
      const seed = this.#impairment.seed + 2 * this.#ways.size + turn;
      const made = new PacketLink({ ...this.#impairment, seed }, systemClock, deliver);
      made.state = this.#state;
      return made;
    };
    const toServer = link(0, (packet) => socket.send(packet, this.#to, LOOPBACK));
    const toClient = link(1, (packet) => this.#front.send(packet, port, address));
    socket.on('message', (packet) => {
      this.sent += 1;
      this.lost += toClient.push(packet) === 0 ? 1 : 0;
    });
    return { socket, toServer, toClient };
  }
}
