import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { canonicalIp } from '../../base/ip-address.ts';

/** A key frame arrives in a burst, perhaps while another camera's is processed. The system may grant less. */
const DEFAULT_READ_BUFFER_BYTES = 2 << 20;

interface DatagramSink {
  /** @param atMs monotonic time of arrival */
  onDatagram(datagram: Uint8Array, atMs: number): void;
}

/** The accepted senders. */
interface Peers {
  /** In canonical form; undefined: any. */
  readonly ips: readonly string[] | undefined;
  /** Empty: any. */
  readonly ports: readonly number[];
}

/** A bound UDP socket that accepts the datagrams of its peers only. */
export class UdpSocket {
  /** Undefined: datagrams are dropped. */
  sink: DatagramSink | undefined;
  /** Datagrams of other senders. */
  strangers = 0;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #peers: Peers = { ips: [], ports: [] };
  /** The last sender's address in the socket's spelling, and its port: most datagrams match these. */
  #knownAddress = '';
  #knownPort = 0;
  #isClosed = false;

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    // An error about one datagram is ignored: the media timeout decides.
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
      // Some systems refuse instead of granting less.
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

  /** Options of datagrams to groups. @param isLooped this machine receives them, too */
  sendToGroupsBy(networkInterface: string, ttl: number, isLooped: boolean): void {
    this.#socket.setMulticastInterface(networkInterface);
    this.#socket.setMulticastTTL(ttl);
    this.#socket.setMulticastLoopback(isLooped);
  }

  /** @param ip not a host name */
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
    return (ports.length === 0 || ports.includes(port)) && (ips?.includes(canonicalIp(address) ?? '') ?? true);
  }
}
