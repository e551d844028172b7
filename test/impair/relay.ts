import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../agent/base/clock.ts';
import { type ByteImpairment, ByteLink } from './byte-link.ts';
import type { PacketImpairment, WayState } from './packet-link.ts';
import { field, portsIn, RtspCutter, withPorts } from './rtsp-text.ts';
import { type LaneWatch, UdpLane } from './udp-lane.ts';

export interface RelayOptions {
  /** TCP port on loopback of the server behind it. */
  readonly to: number;
  /** RTP and RTCP over UDP go through it too: the ports in the RTSP dialogue become its own. */
  readonly datagrams?: PacketImpairment;
  /** What happens to a connection, in each direction. @param connection counts from 0 */
  readonly bytes?: (connection: number) => ByteImpairment;
  /** Observes the datagrams of a track. @param track in the order of SETUP, from 0 */
  readonly watch?: (track: number) => LaneWatch;
}

const LOOPBACK = '127.0.0.1';
const UNIMPAIRED: ByteImpairment = { seed: 0 };

/** A bad network between an RTSP client and a server, for TCP, and for UDP where it is asked for. */
export class Relay implements AsyncDisposable {
  /** Accepted so far. */
  connections = 0;
  readonly #options: RelayOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #links = new Set<ByteLink>();
  readonly #lanes: UdpLane[] = [];
  #state: WayState = 'open';

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

  get state(): WayState {
    return this.#state;
  }

  /** Of all that goes through it, and of what will. */
  set state(state: WayState) {
    this.#state = state;
    for (const link of [...this.#links, ...this.#lanes]) {
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
    for (const link of [...this.#links, ...this.#lanes]) {
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
      // Whatever ends one side ends the other.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    const dialogue = this.#options.datagrams ? new Dialogue((ports) => this.#openLane(ports)) : undefined;
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
      // The other end sees the same as ours: a connection that is gone.
    } finally {
      this.#links.delete(link);
      link.close();
      from.destroy();
    }
  }

  async #openLane(clientPorts: readonly [number, number]): Promise<UdpLane> {
    const { datagrams = { seed: 0 }, watch } = this.#options;
    const track = this.#lanes.length;
    // Each track with luck of its own.
    const own = { ...datagrams, seed: datagrams.seed + 1_000 * track };
    const lane = await UdpLane.open(clientPorts, own, watch?.(track) ?? {});
    lane.state = this.#state;
    this.#lanes.push(lane);
    return lane;
  }
}

/** The SETUPs of one connection: each end gets the relay's UDP ports instead of the other end's. */
class Dialogue {
  readonly #openLane: (clientPorts: readonly [number, number]) => Promise<UdpLane>;
  /** Lanes whose reply has not come, by CSeq. */
  readonly #asked = new Map<string, UdpLane>();

  constructor(openLane: (clientPorts: readonly [number, number]) => Promise<UdpLane>) {
    this.#openLane = openLane;
  }

  async request(message: Buffer): Promise<Buffer> {
    const clientPorts = message.toString('latin1', 0, 6) === 'SETUP ' ? portsIn(message, 'client_port') : undefined;
    if (!clientPorts) {
      return message;
    }
    const lane = await this.#openLane(clientPorts);
    this.#asked.set(sequenceOf(message), lane);
    return withPorts(message, { client_port: lane.ports });
  }

  async reply(message: Buffer): Promise<Buffer> {
    const lane = this.#asked.get(sequenceOf(message));
    if (!lane) {
      return message;
    }
    this.#asked.delete(sequenceOf(message));
    lane.serverPorts = portsIn(message, 'server_port');
    return withPorts(message, { client_port: lane.clientPorts, server_port: lane.ports });
  }
}

const sequenceOf = (message: Buffer): string => field(message.toString('latin1', 0, 4096), 'CSeq') ?? '';
