import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../agent/base/clock.ts';
import { type ByteImpairment, ByteLink } from './byte-link.ts';
import type { LinkState, PacketImpairment } from './packet-link.ts';
import { field, portsIn, RtspCutter, withPorts } from './rtsp-text.ts';
import { type TrackWatch, UdpTrackLink } from './udp-track-link.ts';

export interface RelayOptions {
  /** TCP port on loopback of the server behind it. */
  readonly to: number;
  /** RTP and RTCP over UDP go through it too: the ports in the RTSP dialogue become its own. */
  readonly datagrams?: PacketImpairment;
  /** Impairments of a connection, in each direction. @param connection counts from 0 */
  readonly bytes?: (connection: number) => ByteImpairment;
  /** Observes the datagrams of a track. @param track in the order of SETUP, from 0 */
  readonly watch?: (track: number) => TrackWatch;
}

const LOOPBACK = '127.0.0.1';
const UNIMPAIRED: ByteImpairment = { seed: 0 };

/** A bad network between an RTSP client and a server, for TCP, and on request for UDP. */
export class Relay implements AsyncDisposable {
  /** Accepted so far. */
  connections = 0;
  readonly #options: RelayOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #links = new Set<ByteLink>();
  readonly #tracks: UdpTrackLink[] = [];
  #state: LinkState = 'open';

  static async start(options: RelayOptions): Promise<Relay> {
    const relay = new Relay(options);
    relay.#server.listen(0, LOOPBACK);
    await once(relay.#server, 'listening');
    return relay;
  }

  private constructor(options: RelayOptions) {
    this.#options = options;
    this.#server = createServer((client) => this.#accept(client));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Sets the state of all links, present and future. */
  set state(state: LinkState) {
    this.#state = state;
    for (const link of [...this.#links, ...this.#tracks]) {
      link.state = state;
    }
  }

  /** Bytes of the present connections that were lost in a black hole. */
  get swallowedBytes(): number {
    return [...this.#links].reduce((sum, { swallowedBytes }) => sum + swallowedBytes, 0);
  }

  /** Ends all connections that go through it now. */
  cut(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const link of [...this.#links, ...this.#tracks]) {
      link.close();
    }
    this.cut();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    const impairment = this.#options.bytes?.(this.connections) ?? UNIMPAIRED;
    this.connections += 1;
    const server = connect(this.#options.to, LOOPBACK);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      // The end of one side ends the other.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    const dialogue = this.#options.datagrams ? new Dialogue((ports) => this.#openTrack(ports)) : undefined;
    // Only the server's bytes are cut: a cut among the client's could hit any request.
    const { cutAfterBytes: _, ...toServer } = impairment;
    this.#carry(client, server, { ...toServer, seed: impairment.seed + 1 }, (piece) => dialogue?.request(piece));
    this.#carry(server, client, impairment, (piece) => dialogue?.reply(piece));
  }

  async #carry(
    from: Socket,
    to: Socket,
    impairment: ByteImpairment,
    change: (piece: Buffer) => Promise<Buffer> | undefined,
  ): Promise<void> {
    const link = new ByteLink(impairment, systemClock, async (bytes) => {
      if (!to.destroyed && !to.write(bytes)) {
        await Promise.race([once(to, 'drain'), once(to, 'close')]);
      }
    });
    link.state = this.#state;
    this.#links.add(link);
    const cutter = this.#options.datagrams ? new RtspCutter() : undefined;
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (const piece of cutter?.push(chunk) ?? [chunk]) {
          if (!(await link.carry((await change(piece)) ?? piece))) {
            return;
          }
        }
      }
      to.end();
    } catch {
      // The other end sees the same: a closed connection.
    } finally {
      this.#links.delete(link);
      link.close();
      from.destroy();
    }
  }

  async #openTrack(clientPorts: readonly [number, number]): Promise<UdpTrackLink> {
    const { datagrams = { seed: 0 }, watch } = this.#options;
    const track = this.#tracks.length;
    // Random numbers of its own for each track.
    const own = { ...datagrams, seed: datagrams.seed + 1_000 * track };
    const link = await UdpTrackLink.open(clientPorts, own, watch?.(track) ?? {});
    link.state = this.#state;
    this.#tracks.push(link);
    return link;
  }
}

/** The SETUPs of one connection: each end gets the relay's UDP ports instead of the other end's. */
class Dialogue {
  readonly #openTrack: (clientPorts: readonly [number, number]) => Promise<UdpTrackLink>;
  /** UDP tracks whose reply has not arrived, by CSeq. */
  readonly #asked = new Map<string, UdpTrackLink>();

  constructor(openTrack: (clientPorts: readonly [number, number]) => Promise<UdpTrackLink>) {
    this.#openTrack = openTrack;
  }

  async request(message: Buffer): Promise<Buffer> {
    const clientPorts = message.toString('latin1', 0, 6) === 'SETUP ' ? portsIn(message, 'client_port') : undefined;
    if (!clientPorts) {
      return message;
    }
    const link = await this.#openTrack(clientPorts);
    this.#asked.set(sequenceOf(message), link);
    return withPorts(message, { client_port: link.ports });
  }

  async reply(message: Buffer): Promise<Buffer> {
    const link = this.#asked.get(sequenceOf(message));
    if (!link) {
      return message;
    }
    this.#asked.delete(sequenceOf(message));
    link.serverPorts = portsIn(message, 'server_port');
    return withPorts(message, { client_port: link.clientPorts, server_port: link.ports });
  }
}

const sequenceOf = (message: Buffer): string => field(message.toString('latin1', 0, 4096), 'CSeq') ?? '';
