import { randomInt } from 'node:crypto';
import type { RemoteInfo, Socket } from 'node:dgram';
import type { Clock } from '../../../base/clock.ts';
import { canonicalIp } from '../../../base/network/ip-address.ts';
import { type ConnectionOptions, SrtConnection } from '../connection.ts';
import { destinationOf, HEADER_BYTES } from '../packet.ts';

const TICK_MS = 10;
/** Interval of `pump` while a connection has a backlog. */
const PUMP_MS = 1;
/** The most bytes that wait in libuv's queue. Packets beyond it are lost, as in congestion, and sent again. */
const MAX_QUEUED_BYTES = 4 << 20;

/** Receives handshakes, which are sent to socket 0, or to the caller's socket ID before it has a connection. */
type OnHandshake = (packet: Buffer, ip: string, port: number, nowUs: number) => void;

/** All SRT connections of one UDP port, with one timer while there are any. */
export class SrtEndpoint {
  /** Datagrams that belong to no connection. */
  ignored = 0;
  readonly #clock: Clock;
  readonly #sockets: readonly Socket[];
  readonly #onHandshake: OnHandshake;
  readonly #connections = new Map<number, SrtConnection>();
  #stopTicks: (() => void) | undefined;
  #stopPumping: (() => void) | undefined;

  /** @param sockets one for each address family, IPv4 first; the endpoint closes them */
  constructor(sockets: readonly Socket[], onHandshake: OnHandshake, clock: Clock) {
    this.#clock = clock;
    this.#sockets = sockets;
    this.#onHandshake = onHandshake;
    for (const socket of sockets) {
      socket.on('message', (datagram, from) => this.#receive(datagram, from));
    }
  }

  get port(): number {
    return this.#sockets[0]?.address().port ?? 0;
  }

  get connections(): Iterable<SrtConnection> {
    return this.#connections.values();
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Monotonic time in µs. */
  nowUs(): number {
    return this.#clock.monoMs() * 1000;
  }

  /** An ID that no connection has. */
  newSocketId(): number {
    for (;;) {
      const id = randomInt(1, 2 ** 30);
      if (!this.#connections.has(id)) {
        return id;
      }
    }
  }

  /** @param onEnd called when the connection has ended, before its handler */
  add(options: ConnectionOptions, onEnd: (connection: SrtConnection) => void): SrtConnection {
    const connection = new SrtConnection(
      options,
      (bytes, start, length, port, ip) => this.send(bytes, start, length, port, ip),
      () => {
        this.#connections.delete(options.socketId);
        this.#stopIfIdle();
        onEnd(connection);
      },
      this.nowUs(),
    );
    this.#connections.set(options.socketId, connection);
    this.#stopTicks ??= this.#clock.every(TICK_MS, () => this.#tick());
    return connection;
  }

  /** Sends `bytes[start, end)`, which are copied, in packets with payloads of `packetBytes`. */
  write(connection: SrtConnection, bytes: Uint8Array, start: number, end: number, packetBytes: number): void {
    connection.write(bytes, start, end, packetBytes, this.nowUs());
    this.#pumpLater(connection.hasBacklog);
  }

  send(bytes: Buffer, start: number, length: number, port: number, ip: string): void {
    const [first, second] = this.#sockets;
    const socket = second && ip.includes(':') ? second : first;
    try {
      if (socket && socket.getSendQueueSize() <= MAX_QUEUED_BYTES) {
        socket.send(bytes, start, length, port, ip);
      }
    } catch {
      // The port is closed: the packet is lost.
    }
  }

  async close(reason: string): Promise<void> {
    const nowUs = this.nowUs();
    for (const connection of [...this.#connections.values()]) {
      connection.close(reason, nowUs);
    }
    this.#stopIfIdle();
    await Promise.all(this.#sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    // Node throws when sending to port 0.
    if (datagram.length < HEADER_BYTES || from.port === 0) {
      this.ignored += 1;
      return;
    }
    const ip = from.address.includes('%') ? (canonicalIp(from.address) ?? '') : from.address;
    const connection = this.#connections.get(destinationOf(datagram));
    const nowUs = this.nowUs();
    if (!connection) {
      this.#onHandshake(datagram, ip, from.port, nowUs);
    } else if (connection.options.port === from.port && connection.options.ip === ip) {
      connection.receive(datagram, nowUs);
      this.#pumpLater(connection.hasBacklog);
    } else {
      this.ignored += 1;
    }
  }

  #tick(): void {
    const nowUs = this.nowUs();
    let hasBacklog = false;
    for (const connection of this.#connections.values()) {
      connection.tick(nowUs);
      hasBacklog ||= connection.hasBacklog;
    }
    this.#pumpLater(hasBacklog);
  }

  #pumpLater(hasBacklog: boolean): void {
    if (hasBacklog) {
      this.#stopPumping ??= this.#clock.every(PUMP_MS, () => this.#pump());
    }
  }

  #pump(): void {
    const nowUs = this.nowUs();
    let hasBacklog = false;
    for (const connection of this.#connections.values()) {
      if (connection.hasBacklog) {
        connection.pump(nowUs);
        hasBacklog ||= connection.hasBacklog;
      }
    }
    if (!hasBacklog) {
      this.#endPumping();
    }
  }

  #endPumping(): void {
    this.#stopPumping?.();
    this.#stopPumping = undefined;
  }

  #stopIfIdle(): void {
    if (this.#connections.size === 0) {
      this.#stopTicks?.();
      this.#stopTicks = undefined;
      this.#endPumping();
    }
  }
}
