import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { canonicalIp, subscriberOf } from '../../base/ip-address.ts';
import { listenTcp } from '../../base/listen-tcp.ts';
import type { Logger } from '../../base/log.ts';
import { type KeyFiles, readKeyPair, watchKeyPair } from '../../config/file/key-pair.ts';
import { parseAddress } from '../../config/values/address.ts';

/** A recorder opens one for each camera and stream. */
const TOTAL_LIMIT = 1_000;
const PER_ADDRESS_LIMIT = 256;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const LOG_EVERY_MS = 10_000;

export interface ListenerOptions {
  /** In messages, and of `rtspServerKey` in lower case. */
  readonly protocol: 'RTSP' | 'RTMP';
  readonly key: string;
  readonly address: string;
  /** Undefined: without TLS. */
  readonly tls?: KeyFiles;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #onSocket: (socket: Socket) => void;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #stopWatching: () => void = () => {};
  /** Rejections since the last log message and its monotonic time. */
  #rejected = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;

  /** @param onSocket with TLS, called after the handshake */
  constructor(options: ListenerOptions, onSocket: (socket: Socket) => void, clock: Clock, log: Logger) {
    this.#options = options;
    this.#onSocket = onSocket;
    this.#clock = clock;
    this.#log = log;
  }

  /** 0: closed. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port ?? 0;
  }

  /** @throws PerchError if the address cannot be bound, or key and certificate are unusable */
  async listen(): Promise<void> {
    const { key, address } = this.#options;
    const where = parseAddress(address);
    if (!where) {
      throw new PerchError('badInput', `${key} is empty`, { key });
    }
    const server = await this.#makeServer();
    // Before the TLS handshake: connections above the limit cost little.
    server.on('connection', (socket: Socket) => this.#admit(socket));
    await listenTcp(server, key, address, where);
    server.on('error', (error) => this.#log.warn({ cause: explain(error) }, `${this.#options.protocol} port failed`));
    this.#server = server;
  }

  async close(): Promise<void> {
    this.#stopWatching();
    const server = this.#server;
    this.#server = undefined;
    const closed = server && new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closed;
  }

  #admit(socket: Socket): void {
    const subscriber = subscriberOf(canonicalIp(socket.remoteAddress ?? '') ?? '');
    let fromThere = 0;
    for (const other of this.#sockets) {
      fromThere += subscriberOf(canonicalIp(other.remoteAddress ?? '') ?? '') === subscriber ? 1 : 0;
    }
    if (this.#sockets.size >= TOTAL_LIMIT || fromThere >= PER_ADDRESS_LIMIT) {
      this.#reject(socket, fromThere);
      return;
    }
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // Later owners handle errors; before that they are ignored.
    socket.on('error', () => {});
    if (!this.#options.tls) {
      this.#onSocket(socket);
    }
  }

  #reject(socket: Socket, fromThere: number): void {
    this.#rejected += 1;
    const nowMs = this.#clock.monoMs();
    if (nowMs - this.#loggedMs >= LOG_EVERY_MS) {
      const facts = {
        remote: canonicalIp(socket.remoteAddress ?? ''),
        fromThere,
        open: this.#sockets.size,
        refused: this.#rejected,
      };
      this.#log.warn(facts, `too many ${this.#options.protocol} connections`);
      this.#loggedMs = nowMs;
      this.#rejected = 0;
    }
    socket.destroy();
  }

  async #makeServer(): Promise<Server> {
    const { protocol, tls } = this.#options;
    if (!tls) {
      return createTcpServer();
    }
    const prefix = protocol.toLowerCase();
    const pair = await readKeyPair(prefix, tls);
    const server = createTlsServer({ ...pair, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, this.#onSocket);
    server.on('tlsClientError', (error, socket) => {
      this.#log.debug(
        { remote: canonicalIp(socket.remoteAddress ?? ''), cause: explain(error) },
        `TLS handshake with an ${protocol} client failed`,
      );
      socket.destroy();
    });
    const use = (renewed: typeof pair) => server.setSecureContext(renewed);
    this.#stopWatching = watchKeyPair(prefix, tls, use, this.#clock, this.#log);
    return server;
  }
}
