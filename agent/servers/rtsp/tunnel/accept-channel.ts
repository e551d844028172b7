import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ByteChannel } from '../../../base/byte-channel.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { canonicalIp, subscriberOf } from '../../../base/ip-address.ts';
import type { Logger } from '../../../base/log.ts';
import { SocketChannel } from '../../../base/socket-channel.ts';
import { type HttpRequest, namesWord, WEBSOCKET_SUBPROTOCOL, writeHttpHead } from '../../../media/rtsp/http-head.ts';
import { WebSocketChannel } from '../../../media/websocket/channel.ts';
import { acceptOf } from '../../../media/websocket/frames.ts';
import { HttpTunnels, TUNNELLED } from './http-tunnels.ts';
import { Arrival, type ArrivalSink } from './protocol-sniffer.ts';
import { foreignOrigin } from './tunnel-origin.ts';

/** As MediaMTX's API names it. */
export type TunnelKind = 'none' | 'http' | 'websocket';

/** Connections of which it is not known yet what they are: in all, and of one address. An NVR opens its channels all at once. */
const MAX_ARRIVING = 512;
const MAX_ARRIVING_OF_ONE = 128;
const TICK_MS = 1_000;
/** RFC 6455 §4.1: 16 bytes in base64. */
const WEBSOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * Finds out what a new connection is: RTSP itself, one half of an HTTP tunnel, or a WebSocket, and hands on the channel within.
 * One that has not told within the time limit is dropped.
 */
export class ChannelAcceptor implements ArrivalSink {
  readonly #timeoutMs: number;
  readonly #onChannel: (channel: ByteChannel, tunnel: TunnelKind) => void;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #arriving = new Set<Arrival>();
  readonly #tunnels: HttpTunnels;
  #stopTicking: (() => void) | undefined;

  /**
   * @param options `timeoutMs`: for a connection to tell what it is, and for the second half of an HTTP tunnel to come
   * @param onChannel sets the channel's sink before it returns: the first bytes are handed on at once
   */
  constructor(
    options: { readonly timeoutMs: number },
    onChannel: (channel: ByteChannel, tunnel: TunnelKind) => void,
    clock: Clock,
    log: Logger,
  ) {
    this.#timeoutMs = options.timeoutMs;
    this.#onChannel = onChannel;
    this.#clock = clock;
    this.#log = log;
    this.#tunnels = new HttpTunnels((channel) => this.#onChannel(channel, 'http'));
  }

  /** @param socket just accepted; with TLS its handshake is done */
  accept(socket: Socket): void {
    socket.setNoDelay(true);
    const ip = canonicalIp(socket.remoteAddress ?? '') ?? '';
    const channel = new SocketChannel(socket);
    const untilMs = this.#clock.monoMs() + this.#timeoutMs;
    const subscriber = subscriberOf(ip);
    let ofOne = 0;
    for (const other of this.#arriving) {
      ofOne += subscriberOf(other.ip) === subscriber ? 1 : 0;
    }
    if (this.#arriving.size >= MAX_ARRIVING || ofOne >= MAX_ARRIVING_OF_ONE) {
      this.#log.debug({ peer: channel.remote, ofOne }, 'too many connections that have not said anything');
      channel.destroy();
      return;
    }
    this.#arriving.add(new Arrival(channel, ip, untilMs, this));
    this.#stopTicking ??= this.#clock.every(TICK_MS, () => this.#expire());
  }

  /** Drops the connections that have not become channels; channels are their owners'. */
  close(): void {
    this.#stopTicking?.();
    this.#stopTicking = undefined;
    for (const arrival of [...this.#arriving]) {
      arrival.channel.destroy();
    }
    this.#tunnels.close();
  }

  onRtsp(arrival: Arrival, first: Uint8Array): void {
    this.#arriving.delete(arrival);
    const { channel } = arrival;
    channel.sink = undefined;
    this.#onChannel(channel, 'none');
    channel.receive(first, first.length);
  }

  onHttp(arrival: Arrival, request: HttpRequest, first: Uint8Array): void {
    const { method, headers } = request;
    const cookie = headers.get('x-sessioncookie') ?? '';
    const foreign = foreignOrigin(headers);
    if (foreign !== undefined) {
      this.onBroken(arrival, new PerchError('badInput', foreign));
    } else if (method === 'GET' && namesWord(headers.get('Upgrade'), 'websocket')) {
      this.#upgrade(arrival, request, first);
    } else if (method === 'GET' && cookie !== '' && namesWord(headers.get('Accept'), TUNNELLED)) {
      this.#tunnel(arrival, this.#tunnels.takeGet(arrival, cookie));
    } else if (method === 'POST' && cookie !== '' && namesWord(headers.get('Content-Type'), TUNNELLED)) {
      this.#tunnel(arrival, this.#tunnels.takePost(arrival, cookie, first));
    } else {
      this.onBroken(arrival, new PerchError('badInput', `HTTP ${method} that is no tunnel: this port is for RTSP`));
    }
  }

  /** What is broken has begun as HTTP, so it is answered in HTTP. */
  onBroken(arrival: Arrival, reason: PerchError): void {
    this.#log.debug({ peer: arrival.channel.remote, reason: explain(reason) }, 'connection refused');
    const body = new TextEncoder().encode(`${reason.message}\n`);
    const status = reason.code === 'exhausted' ? '503 Service Unavailable' : '400 Bad Request';
    const head = writeHttpHead(`HTTP/1.1 ${status}`, [
      ['Connection', 'close'],
      ['Content-Type', 'text/plain; charset=utf-8'],
      ['Content-Length', `${body.length}`],
    ]);
    arrival.channel.writeTwo(head, body);
    // It stays on the list until the client has gone too, or its time is up.
    arrival.channel.end();
  }

  onGone(arrival: Arrival): void {
    this.#arriving.delete(arrival);
  }

  #tunnel(arrival: Arrival, refusal: PerchError | undefined): void {
    if (refusal) {
      this.onBroken(arrival, refusal);
    } else {
      this.#arriving.delete(arrival);
    }
  }

  /** RFC 6455 §4.2. */
  #upgrade(arrival: Arrival, { headers }: HttpRequest, first: Uint8Array): void {
    const key = headers.get('Sec-WebSocket-Key')?.trim() ?? '';
    const version = headers.get('Sec-WebSocket-Version')?.trim();
    const fault =
      (!namesWord(headers.get('Connection'), 'upgrade') && 'without Connection: Upgrade') ||
      (version !== '13' && `of version '${(version ?? '').slice(0, 8)}', expected 13`) ||
      (!WEBSOCKET_KEY.test(key) && 'without a key of 16 bytes') ||
      (!namesWord(headers.get('Sec-WebSocket-Protocol'), WEBSOCKET_SUBPROTOCOL) &&
        `without the protocol ${WEBSOCKET_SUBPROTOCOL}`);
    if (fault) {
      this.onBroken(arrival, new PerchError('badInput', `WebSocket ${fault}`));
      return;
    }
    this.#arriving.delete(arrival);
    const { channel } = arrival;
    channel.write(
      writeHttpHead('HTTP/1.1 101 Switching Protocols', [
        ['Upgrade', 'websocket'],
        ['Connection', 'Upgrade'],
        ['Sec-WebSocket-Accept', acceptOf(key, sha1)],
        ['Sec-WebSocket-Protocol', WEBSOCKET_SUBPROTOCOL],
      ]),
    );
    const within = new WebSocketChannel(channel, undefined);
    this.#onChannel(within, 'websocket');
    within.onBytes(first, first.length);
  }

  #expire(): void {
    const nowMs = this.#clock.monoMs();
    for (const arrival of [...this.#arriving]) {
      if (nowMs >= arrival.untilMs) {
        this.#log.debug({ peer: arrival.channel.remote }, 'connection said nothing that is RTSP in time');
        arrival.channel.destroy();
      }
    }
    this.#tunnels.expire(nowMs);
    if (this.#arriving.size === 0 && !this.#tunnels.isWaiting) {
      this.#stopTicking?.();
      this.#stopTicking = undefined;
    }
  }
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('base64');
}
