import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { canonicalIp, type Endpoint, subscriberOf } from '../../base/network/ip-address.ts';
import { listenTcp } from '../../base/network/listen-tcp.ts';
import { SocketChannel } from '../../base/network/socket-channel.ts';
import { dumpServer } from '../../base/packet-dump/dump-connections.ts';
import { type KeyFiles, readKeyPair, watchKeyPair } from '../../config/file/key-pair.ts';
import { parseAddress } from '../../config/values/address.ts';
import { ProxyHeaderReader } from './proxy-header-reader.ts';

/** One read takes a whole access unit of most cameras. */
const BUFFER_BYTES = 64 << 10;

/** One buffer for all sockets, because Node reads and passes the bytes on in one step. */
let buffer: Uint8Array | undefined;

/** Node's own, which have no public names. */
interface Internals {
  readonly _handle?: { useUserBuffer?(buffer: Uint8Array): void } | null;
}

/**
 * Makes a socket read as one with the option `onread` of `connect`, which a server cannot set: into one buffer, past its stream. Node would
 * allocate a buffer for each read, outside V8's heap, and V8 marks its whole heap after some megabytes of them.
 * @param receive gets bytes that are valid during the call only
 * @returns false: this Node cannot; the socket emits `data`
 */
export function readIntoBuffer(socket: Socket, receive: (chunk: Uint8Array, length: number) => void): boolean {
  const symbols = Object.getOwnPropertySymbols(socket);
  const target = symbols.find(({ description }) => description === 'kBuffer');
  const callback = symbols.find(({ description }) => description === 'kBufferCb');
  const handle = (socket as Internals)._handle;
  if (!target || !callback || !handle?.useUserBuffer) {
    return false;
  }
  buffer ??= new Uint8Array(BUFFER_BYTES);
  handle.useUserBuffer(buffer);
  Reflect.set(socket, target, buffer);
  Reflect.set(socket, callback, (length: number, chunk: Uint8Array) => {
    receive(chunk, length);
    return true;
  });
  return true;
}

/** Limits of open connections: a recorder opens one for each camera and stream. */
const MAX_TOTAL = 1_000;
const MAX_PER_ADDRESS = 256;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const LOG_EVERY_MS = 10_000;

export interface ListenerOptions {
  /** Name of the protocol in messages, and in lower case the beginning of keys such as `rtspServerKey`. */
  readonly protocol: 'RTSP' | 'RTMP';
  readonly key: string;
  readonly address: string;
  /** Files of the TLS key and certificate, or undefined without TLS. */
  readonly tls?: KeyFiles;
  /** Addresses and subnets of proxies whose PROXY headers name the client. */
  readonly trustedProxies: readonly string[];
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #onChannel: (channel: SocketChannel) => void;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Undefined: no proxy is trusted, so nothing precedes the protocol. */
  readonly #proxies: ProxyHeaderReader | undefined;
  /** TCP sockets, also below TLS, with their clients: the address that a trusted proxy names, else the socket's own. */
  readonly #sockets = new Map<Socket, Endpoint>();
  #server: Server | undefined;
  #tlsServer: TlsServer | undefined;
  #stopWatching: () => void = () => {};
  /** Rejections since the last log message and its monotonic time. */
  #rejected = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;

  /** @param onChannel with TLS, called after the handshake; sets the channel's sink before it returns */
  constructor(options: ListenerOptions, onChannel: (channel: SocketChannel) => void, clock: Clock, log: Logger) {
    this.#options = options;
    this.#onChannel = onChannel;
    this.#clock = clock;
    this.#log = log;
    const { trustedProxies } = options;
    this.#proxies = trustedProxies.length === 0 ? undefined : new ProxyHeaderReader(trustedProxies, clock, log);
  }

  /** Port of the listener; 0: closed. */
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
    this.#tlsServer = await this.#makeTlsServer();
    const server = this.#proxies ? createTcpServer() : (this.#tlsServer ?? createTcpServer());
    // Before the TLS handshake: connections above the limit cost little.
    server.on('connection', (socket: Socket) => this.#admit(socket));
    await listenTcp(server, key, address, where);
    server.on('error', (error) => this.#log.warn({ cause: explain(error) }, `${this.#options.protocol} port failed`));
    this.#server = server;
  }

  async close(): Promise<void> {
    this.#stopWatching();
    this.#proxies?.close();
    const server = this.#server;
    this.#server = undefined;
    const closed = server && new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets.keys()) {
      socket.destroy();
    }
    await closed;
  }

  #admit(socket: Socket): void {
    const { remoteAddress = '', remotePort = 0 } = socket;
    const own = { ip: canonicalIp(remoteAddress) ?? '', port: remotePort };
    const isProxy = this.#proxies?.trusts(own.ip) === true;
    // Connections of a proxy count for the clients that they name.
    if (!this.#count(socket, own, isProxy ? MAX_TOTAL : MAX_PER_ADDRESS)) {
      return;
    }
    socket.on('close', () => this.#sockets.delete(socket));
    // Later owners handle errors; before that they are ignored.
    socket.on('error', () => {});
    this.#proxies?.read(socket, (named) => {
      if (isProxy && !this.#count(socket, named ?? own, MAX_PER_ADDRESS)) {
        return;
      }
      if (this.#tlsServer) {
        this.#tlsServer.emit('connection', socket);
      } else {
        this.#open(socket);
        socket.resume();
      }
    });
    if (!this.#proxies && !this.#tlsServer) {
      this.#open(socket);
    }
  }

  /** @returns false if the connection is above a limit, and closed */
  #count(socket: Socket, client: Endpoint, limit: number): boolean {
    this.#sockets.delete(socket);
    const subscriber = subscriberOf(client.ip);
    let fromThere = 0;
    for (const other of this.#sockets.values()) {
      fromThere += subscriberOf(other.ip) === subscriber ? 1 : 0;
    }
    if (this.#sockets.size >= MAX_TOTAL || fromThere >= limit) {
      this.#reject(socket, client, fromThere);
      return false;
    }
    this.#sockets.set(socket, client);
    return true;
  }

  /** @param socket TLS, or the connection itself */
  #open(socket: Socket): void {
    socket.setNoDelay(true);
    const channel = new SocketChannel(socket, '', this.#proxies && this.#clientOf(socket));
    if (!this.#options.tls && !this.#proxies) {
      readIntoBuffer(socket, (chunk, length) => channel.receive(chunk, length));
    }
    this.#onChannel(channel);
  }

  #clientOf({ remoteAddress, remotePort, localAddress }: Socket): Endpoint | undefined {
    for (const [plain, client] of this.#sockets) {
      const isSame = plain.remotePort === remotePort && plain.remoteAddress === remoteAddress;
      if (isSame && plain.localAddress === localAddress) {
        return client;
      }
    }
    return undefined;
  }

  #reject(socket: Socket, client: Endpoint, fromThere: number): void {
    this.#rejected += 1;
    const nowMs = this.#clock.monoMs();
    if (nowMs - this.#loggedMs >= LOG_EVERY_MS) {
      const facts = {
        remote: client.ip,
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

  async #makeTlsServer(): Promise<TlsServer | undefined> {
    const { protocol, tls, key } = this.#options;
    if (!tls) {
      return undefined;
    }
    const prefix = protocol.toLowerCase();
    const pair = await readKeyPair(prefix, tls);
    const { key: privateKey, cert, sni } = pair;
    const names = sni && { SNICallback: sni };
    const options = { key: privateKey, cert, ...names, handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
    const server = createTlsServer(options, (socket) => this.#open(socket));
    server.on('tlsClientError', (error, socket) => {
      const remote = this.#clientOf(socket)?.ip ?? canonicalIp(socket.remoteAddress ?? '');
      this.#log.debug({ remote, cause: explain(error) }, `TLS handshake with an ${protocol} client failed`);
      socket.destroy();
    });
    const use = (renewed: typeof pair) => server.setSecureContext({ key: renewed.key, cert: renewed.cert });
    // Behind a PROXY header the port is that of a plain server.
    dumpServer(server, `${key.replace('Address', '')}_server_conn`);
    this.#stopWatching = watchKeyPair(prefix, tls, use, this.#clock, this.#log);
    return server;
  }
}
