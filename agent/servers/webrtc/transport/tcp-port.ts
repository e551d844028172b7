import { createServer, isIPv4, isIPv6, type Server, type Socket } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { addCount } from '../../../base/count-map.ts';
import type { Logger } from '../../../base/log.ts';
import { listenTcp } from '../../../base/network/listen-tcp.ts';
import { boundAddress, type LocalPort, parseMediaAddress } from './candidates.ts';
import { TcpTransport, type TcpTransportOwner } from './tcp-transport.ts';
import type { UfragTable } from './ufrag-table.ts';

/** Limits of connections. A browser opens one per candidate and session. */
const MAX_CONNECTIONS = 1_000;
/** A browser sends its first check right after connecting. */
const MAX_UNVERIFIED_MS = 10_000;

/** The TCP port of all sessions, for networks that block UDP: one listener per address family. */
export class TcpPort implements TcpTransportOwner {
  readonly clock: Clock;
  readonly log: Logger;
  /** Connections rejected, or closed before a check passed. */
  ignored = 0;
  readonly #ufrags: UfragTable;
  readonly #transports = new Set<TcpTransport>();
  /** Connections without a passed check, oldest first. */
  readonly #unverified = new Set<TcpTransport>();
  readonly #byAddress = new Map<string, number>();
  #awaitingFlush: TcpTransport[] = [];
  #ipv4: Server | undefined;
  #ipv6: Server | undefined;
  #only: string | undefined;

  constructor(ufrags: UfragTable, clock: Clock, log: Logger) {
    this.#ufrags = ufrags;
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
    return this.#transports.size;
  }

  /** @param address `:8189` both families, `0.0.0.0:8189` IPv4, `[::]:8189` IPv6, or one address of this box */
  async listen(address: string): Promise<void> {
    const { host, port } = parseMediaAddress(address, 'TCP');
    this.#only = boundAddress(host);
    if (host === '' || isIPv4(host)) {
      this.#ipv4 = await this.#open(host === '' ? '0.0.0.0' : host, port);
    }
    if (isIPv6(host)) {
      this.#ipv6 = await this.#open(host, port);
    } else if (host === '') {
      // The kernel may lack IPv6.
      this.#ipv6 = await this.#open('::', this.port).catch(() => undefined);
    }
  }

  /** Called once a second: closes connections without a passed check. */
  tick(): void {
    const openedBeforeMs = this.clock.monoMs() - MAX_UNVERIFIED_MS;
    for (const transport of this.#unverified) {
      if (transport.openedMs > openedBeforeMs) {
        break;
      }
      transport.end(`no connectivity check passed for ${MAX_UNVERIFIED_MS} ms`);
    }
  }

  async close(): Promise<void> {
    const servers = [this.#ipv4, this.#ipv6].filter((server) => server !== undefined);
    this.#ipv4 = undefined;
    this.#ipv6 = undefined;
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const transport of this.#transports) {
      transport.close();
    }
    await Promise.all(closed);
  }

  onStun(datagram: Uint8Array, from: TcpTransport): boolean {
    return this.#ufrags.onStun(datagram, from);
  }

  /** Batches what is sent in one turn of the event loop. */
  awaitFlush(transport: TcpTransport): void {
    if (this.#awaitingFlush.length === 0) {
      process.nextTick(this.#flush);
    }
    this.#awaitingFlush.push(transport);
  }

  onAdmitted(transport: TcpTransport): void {
    this.#unverified.delete(transport);
  }

  onClosed(transport: TcpTransport): void {
    if (!this.#transports.delete(transport)) {
      return;
    }
    if (this.#unverified.delete(transport)) {
      this.ignored += 1;
    }
    addCount(this.#byAddress, transport.address, -1);
  }

  readonly #flush = (): void => {
    const transports = this.#awaitingFlush;
    this.#awaitingFlush = [];
    for (const transport of transports) {
      transport.flush();
    }
  };

  async #open(host: string, port: number): Promise<Server> {
    const server = createServer({ noDelay: true }, (socket) => this.#onConnection(socket));
    await listenTcp(server, 'webrtcLocalTCPAddress', `${host}:${port}`, { host, port });
    // No file descriptor left: existing connections continue.
    server.on('error', (error) => this.log.warn({ err: error }, 'WebRTC TCP connection cannot be accepted'));
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
    const transport = new TcpTransport(this, socket, { family, address, port });
    this.#transports.add(transport);
    this.#unverified.add(transport);
    addCount(this.#byAddress, address, 1);
  }

  /** At the limit, the oldest unverified connection is closed. */
  #makeRoom(address: string): boolean {
    if ((this.#byAddress.get(address) ?? 0) >= 256) {
      return false;
    }
    if (this.#transports.size < MAX_CONNECTIONS) {
      return true;
    }
    for (const oldest of this.#unverified) {
      oldest.end(`more than ${MAX_CONNECTIONS} connections`);
      // Its 'close' event comes later.
      this.onClosed(oldest);
      return true;
    }
    return false;
  }
}
