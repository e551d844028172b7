import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { canonicalIp } from '../../../base/ip-address.ts';

/** A key picture comes in one burst, and we may be busy with another camera's: what is asked for, the system may give less. */
const DEFAULT_READ_BUFFER_BYTES = 2 << 20;

export interface DatagramSink {
  /** @param atMs monotonic time of arrival */
  onDatagram(datagram: Uint8Array, atMs: number): void;
}

/** Who may send. */
export interface Peers {
  /** In canonical form. */
  readonly ips: readonly string[];
  /** Empty: any. */
  readonly ports: readonly number[];
}

/** A bound UDP socket that listens to the camera alone. */
export class UdpSocket {
  /** Nothing is taken before it is set. */
  sink: DatagramSink | undefined;
  /** Datagrams of others. */
  strangers = 0;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #peers: Peers = { ips: [], ports: [] };
  /** The camera's address as the socket spells it, and its port: most datagrams are known by these. */
  #knownAddress = '';
  #knownPort = 0;
  #isClosed = false;

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    // Whatever the network says about one datagram: whether media come is what counts.
    socket.on('error', () => {});
  }

  /**
   * @param address to bind to; undefined: every one of its family
   * @param readBufferBytes 0: more than the system's default
   * @throws what `bind` fails with
   */
  static async open(
    bind: { readonly family: 4 | 6; readonly address?: string; readonly port: number; readonly isShared?: boolean },
    readBufferBytes: number,
    clock: Clock,
  ): Promise<UdpSocket> {
    const type = bind.family === 6 ? 'udp6' : 'udp4';
    const socket = createSocket({ type, reuseAddr: bind.isShared === true });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ port: bind.port, exclusive: true, ...(bind.address ? { address: bind.address } : {}) }, resolve);
    });
    socket.removeAllListeners('error');
    try {
      socket.setRecvBufferSize(readBufferBytes > 0 ? readBufferBytes : DEFAULT_READ_BUFFER_BYTES);
    } catch {
      // Systems that refuse instead of giving less: the default does as well, mostly.
    }
    return new UdpSocket(socket, clock);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  listenTo(peers: Peers): void {
    this.#peers = peers;
    this.#knownAddress = '';
  }

  /** @throws what the system fails with */
  join(group: string, networkInterface: string, source: string | undefined): void {
    if (source === undefined) {
      this.#socket.addMembership(group, networkInterface);
    } else {
      this.#socket.addSourceSpecificMembership(source, group, networkInterface);
    }
  }

  /** How what is sent to groups leaves. @param isLooped it comes back to this machine */
  sendToGroupsBy(networkInterface: string, ttl: number, isLooped: boolean): void {
    this.#socket.setMulticastInterface(networkInterface);
    this.#socket.setMulticastTTL(ttl);
    this.#socket.setMulticastLoopback(isLooped);
  }

  /** @param ip an address, no name */
  send(datagram: Uint8Array, port: number, ip: string): void {
    if (!this.#isClosed && port > 0 && isIP(ip) !== 0) {
      this.#socket.send(datagram, port, ip, () => {});
    }
  }

  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.sink = undefined;
      this.#socket.close();
    }
  }

  #receive(datagram: Uint8Array, from: RemoteInfo): void {
    if (from.port !== this.#knownPort || from.address !== this.#knownAddress) {
      if (!this.#isPeer(from)) {
        this.strangers += 1;
        return;
      }
      this.#knownAddress = from.address;
      this.#knownPort = from.port;
    }
    this.sink?.onDatagram(datagram, this.#clock.monoMs());
  }

  #isPeer({ address, port }: RemoteInfo): boolean {
    const { ips, ports } = this.#peers;
    return (ports.length === 0 || ports.includes(port)) && ips.includes(canonicalIp(address) ?? '');
  }
}
