import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { systemClock } from '../../agent/base/clock.ts';
import { type LinkState, type PacketImpairment, PacketLink } from './packet-link.ts';

const LOOPBACK = '127.0.0.1';
/** A key picture arrives in one burst. */
const BUFFER_BYTES = 4 << 20;

interface ClientLinks {
  /** The server sees this client's datagrams come from here. */
  readonly socket: Socket;
  readonly toServer: PacketLink;
  readonly toClient: PacketLink;
}

/** A bad network in front of a server's one UDP port: each client has separate links. */
export class MediaRelay implements AsyncDisposable {
  /** Datagrams sent to clients, and how many of them were lost. */
  sent = 0;
  lost = 0;
  readonly #to: number;
  readonly #impairment: PacketImpairment;
  readonly #front = createSocket('udp4');
  /** Links by the client's address and port: a browser may take another address of this machine. */
  readonly #clients = new Map<string, Promise<ClientLinks>>();
  #state: LinkState = 'open';

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
      const links = this.#clients.get(client) ?? this.#open(address, port);
      this.#clients.set(client, links);
      (await links).toServer.push(packet);
    });
  }

  get port(): number {
    return this.#front.address().port;
  }

  /** Sets the state of the links of all clients, present and future. */
  async setState(state: LinkState): Promise<void> {
    this.#state = state;
    for (const { toServer, toClient } of await Promise.all(this.#clients.values())) {
      toServer.state = state;
      toClient.state = state;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const clients = await Promise.all(this.#clients.values());
    for (const { socket, toServer, toClient } of clients) {
      toServer.close();
      toClient.close();
      socket.close();
    }
    this.#front.close();
    await once(this.#front, 'close');
  }

  async #open(address: string, port: number): Promise<ClientLinks> {
    const socket = createSocket('udp4');
    socket.bind(0, LOOPBACK);
    await once(socket, 'listening');
    socket.setRecvBufferSize(BUFFER_BYTES);
    // Random numbers of its own for each client and direction.
    const link = (turn: number, deliver: (packet: Uint8Array) => void) => {
      const seed = this.#impairment.seed + 2 * this.#clients.size + turn;
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
