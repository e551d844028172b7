import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { canonicalIp, type Endpoint, IpList } from '../../base/network/ip-address.ts';
import { MAX_PROXY_HEADER_BYTES, type ProxyHeader, readProxyHeader } from './proxy-header.ts';

const HEADER_TIMEOUT_MS = 10_000;

/** Reads the PROXY headers of new connections. As in MediaMTX they are optional, and without effect unless the proxy is trusted. */
export class ProxyHeaderReader {
  readonly #trusted: IpList;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Connections without a complete header, and their monotonic deadlines. */
  readonly #waiting = new Map<Socket, number>();
  #stopTicking: (() => void) | undefined;

  constructor(trusted: readonly string[], clock: Clock, log: Logger) {
    this.#trusted = new IpList(trusted);
    this.#clock = clock;
    this.#log = log;
  }

  /** @param ip canonical */
  trusts(ip: string): boolean {
    return this.#trusted.has(ip);
  }

  /** @param onRead called once, with the paused socket behind its header, and the client that it names, if any */
  read(socket: Socket, onRead: (client: Endpoint | undefined) => void): void {
    this.#waiting.set(socket, this.#clock.monoMs() + HEADER_TIMEOUT_MS);
    this.#stopTicking ??= this.#clock.eachSecond(() => this.#expire());
    socket.once('close', () => this.#waiting.delete(socket));
    let start = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      start = Buffer.concat([start, chunk]);
      const header = this.#parse(socket, start.subarray(0, MAX_PROXY_HEADER_BYTES));
      if (header === 'more') {
        return;
      }
      socket.off('data', onData);
      socket.pause();
      this.#waiting.delete(socket);
      const rest = start.subarray(header === 'none' ? 0 : header.bytes);
      if (rest.length > 0) {
        socket.unshift(rest);
      }
      onRead(header === 'none' ? undefined : header.client);
    };
    socket.on('data', onData);
  }

  close(): void {
    this.#stopTicking?.();
  }

  #parse(socket: Socket, start: Uint8Array): ProxyHeader | 'none' | 'more' {
    try {
      return readProxyHeader(start);
    } catch (error) {
      this.#log.debug({ proxy: ipOf(socket), cause: explain(error) }, 'malformed PROXY header');
      socket.destroy();
      return 'more';
    }
  }

  #expire(): void {
    const nowMs = this.#clock.monoMs();
    for (const [socket, untilMs] of this.#waiting) {
      if (nowMs >= untilMs) {
        this.#log.debug({ proxy: ipOf(socket) }, 'connection timed out before a PROXY header');
        socket.destroy();
      }
    }
  }
}

const ipOf = ({ remoteAddress = '' }: Socket): string => canonicalIp(remoteAddress) ?? '';
