import { once } from 'node:events';
import { type AddressInfo, createServer, isIPv4, isIPv6, type Server, type Socket } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { listenFailure, tellOwnPort } from '../../../base/listen-failure.ts';
import type { Logger } from '../../../base/log.ts';
import type { LocalPort } from './candidates.ts';
import { onlyAddress, parseMediaAddress } from './listen-address.ts';
import type { PeerBook } from './peer-book.ts';
import { TcpRoute, type TcpRouteOwner } from './tcp-route.ts';

/** A browser opens one per candidate and session. */
const MAX_CONNECTIONS = 1_000;
const MAX_PER_ADDRESS = 256;
/** A browser sends its first check as soon as it is connected. */
const STRANGER_LIMIT_MS = 10_000;

/** The one TCP port of all sessions, for networks that block UDP: a listener per address family. */
export class TcpPort implements TcpRouteOwner {
  readonly clock: Clock;
  readonly log: Logger;
  /** Connections that were refused, or ended before a check of theirs had passed. */
  ignored = 0;
  readonly #book: PeerBook;
  readonly #routes = new Set<TcpRoute>();
  /** Those that have not passed a check, oldest first. */
  readonly #strangers = new Set<TcpRoute>();
  readonly #byAddress = new Map<string, number>();
  #awaitingFlush: TcpRoute[] = [];
  #ipv4: Server | undefined;
  #ipv6: Server | undefined;
  #only: string | undefined;

  constructor(book: PeerBook, clock: Clock, log: Logger) {
    this.#book = book;
    this.clock = clock;
    this.log = log;
  }

  get port(): number {
    const address = (this.#ipv4 ?? this.#ipv6)?.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  get local(): LocalPort {
    const { port } = this;
    return { port, ipv4: this.#ipv4 !== undefined, ipv6: this.#ipv6 !== undefined, only: this.#only };
  }

  get connections(): number {
    return this.#routes.size;
  }

  /** @param address `:8189` both families, `0.0.0.0:8189` IPv4, `[::]:8189` IPv6, or one address of this machine */
  async listen(address: string): Promise<void> {
    const { host, port } = parseMediaAddress(address, 'TCP');
    this.#only = onlyAddress(host);
    if (host === '' || isIPv4(host)) {
      this.#ipv4 = await this.#open(host === '' ? '0.0.0.0' : host, port);
    }
    if (isIPv6(host)) {
      this.#ipv6 = await this.#open(host, port);
    } else if (host === '') {
      // A kernel without IPv6 is no reason to have no WebRTC.
      this.#ipv6 = await this.#open('::', this.port).catch(() => undefined);
    }
  }

  /** Called once a second: ends connections that have not proved whose they are. */
  tick(): void {
    const openedBeforeMs = this.clock.monoMs() - STRANGER_LIMIT_MS;
    for (const route of this.#strangers) {
      if (route.openedMs > openedBeforeMs) {
        break;
      }
      route.end(`no connectivity check has passed for ${STRANGER_LIMIT_MS} ms`);
    }
  }

  async close(): Promise<void> {
    const servers = [this.#ipv4, this.#ipv6].filter((server) => server !== undefined);
    this.#ipv4 = undefined;
    this.#ipv6 = undefined;
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const route of this.#routes) {
      route.close();
    }
    await Promise.all(closed);
  }

  /** Called by routes. */
  onStun(datagram: Uint8Array, from: TcpRoute): boolean {
    return this.#book.onStun(datagram, from);
  }

  /** Called by routes. What is sent in one turn of the event loop leaves together. */
  awaitFlush(route: TcpRoute): void {
    if (this.#awaitingFlush.length === 0) {
      process.nextTick(this.#flush);
    }
    this.#awaitingFlush.push(route);
  }

  /** Called by routes. */
  onAdmitted(route: TcpRoute): void {
    this.#strangers.delete(route);
  }

  /** Called by routes. */
  onClosed(route: TcpRoute): void {
    if (!this.#routes.delete(route)) {
      return;
    }
    if (this.#strangers.delete(route)) {
      this.ignored += 1;
    }
    const others = (this.#byAddress.get(route.address) ?? 1) - 1;
    if (others === 0) {
      this.#byAddress.delete(route.address);
    } else {
      this.#byAddress.set(route.address, others);
    }
  }

  readonly #flush = (): void => {
    const routes = this.#awaitingFlush;
    this.#awaitingFlush = [];
    for (const route of routes) {
      route.flush();
    }
  };

  async #open(host: string, port: number): Promise<Server> {
    const server = createServer({ noDelay: true }, (socket) => this.#onConnection(socket));
    try {
      const listening = once(server, 'listening');
      server.listen({ host, port, ipv6Only: isIPv6(host), exclusive: true });
      await listening;
    } catch (error) {
      throw await listenFailure(error, 'webrtcLocalTCPAddress', `${host}:${port}`, port);
    }
    tellOwnPort((server.address() as AddressInfo).port, 'webrtcLocalTCPAddress');
    // No file is left for one more connection: those that are there go on.
    server.on('error', (error) => this.log.warn({ err: error }, 'a WebRTC TCP connection cannot be taken'));
    return server;
  }

  #onConnection(socket: Socket): void {
    const { remoteAddress: address, remotePort: port } = socket;
    if (address === undefined || port === undefined || !this.#makeRoom(address)) {
      this.ignored += 1;
      socket.destroy();
      return;
    }
    const family = isIPv4(address) ? 'IPv4' : 'IPv6';
    const route = new TcpRoute(this, socket, { family, address, port });
    this.#routes.add(route);
    this.#strangers.add(route);
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
  }

  /** When all places are taken, whoever has shown nothing for the longest time goes. */
  #makeRoom(address: string): boolean {
    if ((this.#byAddress.get(address) ?? 0) >= MAX_PER_ADDRESS) {
      return false;
    }
    if (this.#routes.size < MAX_CONNECTIONS) {
      return true;
    }
    for (const oldest of this.#strangers) {
      oldest.end(`${MAX_CONNECTIONS} connections, the limit, and a newer one`);
      // Its 'close' comes later.
      this.onClosed(oldest);
      return true;
    }
    return false;
  }
}
