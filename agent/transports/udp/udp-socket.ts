import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { canonicalIp } from '../../base/network/ip-address.ts';
import { dumpDatagrams } from '../../base/packet-dump/dump-connections.ts';
import type { ReadRounds } from '../../base/time/read-rounds.ts';
import { type DatagramReceiver, MAX_DATAGRAMS, type ReceivedSink } from '../../native/datagram-receiver.ts';
import { openDatagramReceiver } from '../../native/native.ts';
import { ReceivingSocket } from '../../native/receiving-socket.ts';
import { isSameAddress, MAX_ADDRESS_WORDS, readSocketAddress } from '../../native/socket-address.ts';

/** A key frame arrives in a burst, perhaps while another camera's is processed. The system may grant less. */
const DEFAULT_READ_BUFFER_BYTES = 2 << 20;

/** The least receive buffer for reading in rounds: it holds 97 ms of a 100 Mbit/s link. */
const MIN_ROUND_BUFFER_BYTES = 2 << 20;
/** The most that a datagram takes of the receive buffer beyond twice its size: drivers receive into pages. */
const DATAGRAM_COST_BYTES = 2_048;

/** Datagrams are read as they arrive for this long after a round in which more than half of the buffer was used. */
const TOO_FULL_MS = 60_000;

/** Shared by all sockets, or undefined if it is not open or not supported here. */
let receiver: DatagramReceiver | undefined;

interface DatagramSink {
  /**
   * @param bytes hold the datagram in [start, end), valid during the call only
   * @param atMs monotonic time of arrival
   */
  onDatagram(bytes: Uint8Array, start: number, end: number, atMs: number): void;
}

/** The accepted senders. */
interface Peers {
  /** IP addresses in canonical form, or undefined for any. */
  readonly ips: readonly string[] | undefined;
  /** Empty: any. */
  readonly ports: readonly number[];
}

/** A bound UDP socket that accepts the datagrams of its peers only. */
export class UdpSocket implements ReceivedSink {
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
  /** The last accepted sender of datagrams that were read in rounds. */
  readonly #knownWords = new Uint32Array(MAX_ADDRESS_WORDS);
  #rounds: ReadRounds | undefined;
  /** Datagrams wait in the kernel for the next round. */
  #isWaiting = false;
  /** Undefined: the socket cannot be read in rounds. */
  readonly #receiving: ReceivingSocket | undefined;
  /** Size of the receive buffer, as granted by the system. */
  readonly #bufferBytes: number;
  /** Until this monotonic time datagrams are read as they arrive, because rounds are too long for the buffer. */
  #tooFullUntilMs = 0;
  #roundMs = 0;
  /** Bytes of the receive buffer that were used in this round. */
  #usedBytes = 0;
  #isClosed = false;

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#bufferBytes = socket.getRecvBufferSize();
    this.#receiving = this.#bufferBytes >= MIN_ROUND_BUFFER_BYTES ? ReceivingSocket.of(socket) : undefined;
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    // An error about one datagram is ignored: the media timeout decides.
    socket.on('error', () => {});
  }

  /**
   * @param bind address and port to bind to; without an address: every address of the family
   * @param dumpPrefix of the file of `dumpPackets`
   * @param readBufferBytes 0: more than the system's default
   * @throws what `bind` fails with
   */
  static async open(
    bind: { readonly family: 4 | 6; readonly address?: string; readonly port: number; readonly isShared?: boolean },
    dumpPrefix: string,
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
    dumpDatagrams(socket, dumpPrefix);
    void openDatagramReceiver().then((opened) => {
      receiver = opened;
    });
    return new UdpSocket(socket, clock);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  listenTo(peers: Peers): void {
    this.#peers = peers;
    this.#knownAddress = '';
    this.#knownWords.fill(0);
  }

  /** Datagrams are read in rounds from the next one on, where that is possible, or undefined to read them at once. */
  readInRounds(rounds: ReadRounds | undefined): void {
    this.#rounds = rounds;
    if (!rounds) {
      this.read();
    }
  }

  /** Reads what waits for the next round. */
  read(): void {
    if (!this.#isWaiting) {
      return;
    }
    this.#isWaiting = false;
    try {
      this.#drain();
    } finally {
      this.#rest(this.#roundMs);
    }
  }

  /** @throws what the system fails with */
  join(group: string, networkInterface: string, source: string | undefined): void {
    if (source === undefined) {
      this.#socket.addMembership(group, networkInterface);
    } else {
      this.#socket.addSourceSpecificMembership(source, group, networkInterface);
    }
  }

  /** Options of datagrams to groups. @param isLooped this box receives them, too */
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
      this.#rounds = undefined;
      this.sink = undefined;
      this.#socket.close();
    }
  }

  onReceived(bytes: Uint8Array, start: number, end: number, senders: Uint32Array, senderAt: number): void {
    this.#usedBytes += 2 * (end - start) + DATAGRAM_COST_BYTES;
    if (!isSameAddress(senders, senderAt, this.#knownWords)) {
      if (!this.#isPeer(readSocketAddress(senders, senderAt))) {
        this.strangers += 1;
        return;
      }
      this.#knownWords.set(senders.subarray(senderAt, senderAt + MAX_ADDRESS_WORDS));
    }
    this.sink?.onDatagram(bytes, start, end, this.#roundMs);
  }

  #drain(): void {
    this.#usedBytes = 0;
    this.#roundMs = this.#clock.monoMs();
    let count = MAX_DATAGRAMS;
    // One round reads at most the buffer's size. Node reads the rest of a flood.
    while (receiver && count === MAX_DATAGRAMS && !this.#isClosed && this.#usedBytes < this.#bufferBytes) {
      count = receiver.receive(this.#receiving?.descriptor ?? -1, this);
    }
    if (this.#usedBytes > this.#bufferBytes / 2) {
      this.#tooFullUntilMs = this.#roundMs + TOO_FULL_MS;
    }
  }

  /** Leaves the datagrams that arrive from now on to the next round, or to Node. */
  #rest(nowMs: number): void {
    if (this.#rounds && this.#receiving && receiver && nowMs >= this.#tooFullUntilMs) {
      this.#isWaiting = true;
      this.#receiving.pause();
      this.#rounds.wait(this);
    } else {
      this.#receiving?.resume();
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
    const nowMs = this.#clock.monoMs();
    this.sink?.onDatagram(datagram, 0, datagram.length, nowMs);
    if (this.#rounds && !this.#isWaiting) {
      this.#rest(nowMs);
    }
  }

  #isPeer({ address, port }: Pick<RemoteInfo, 'address' | 'port'>): boolean {
    const { ips, ports } = this.#peers;
    return (ports.length === 0 || ports.includes(port)) && (ips?.includes(canonicalIp(address) ?? '') ?? true);
  }
}
