import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { endpointOf, subscriberOf } from '../../../base/network/ip-address.ts';
import type { ByteChannel, SocketChannel } from '../../../base/network/socket-channel.ts';
import { type HttpRequest, namesWord, WEBSOCKET_SUBPROTOCOL, writeHttpHead } from '../../../media/rtsp/http-head.ts';
import type { RtspHeaders } from '../../../media/rtsp/message.ts';
import { WebSocketChannel } from '../../../media/websocket/channel.ts';
import { acceptOf } from '../../../media/websocket/frames.ts';
import { HttpTunnels, TUNNELLED } from './http-tunnels.ts';
import { ProtocolSniffer, type SnifferSink } from './protocol-sniffer.ts';

/** MediaMTX's API names. */
export type TunnelKind = 'none' | 'http' | 'websocket';

const TICK_MS = 1_000;
/** RFC 6455 §4.1: 16 bytes in base64. */
const WEBSOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * Detects the protocol of a new connection (RTSP, half of an HTTP tunnel, or WebSocket) and passes on the channel
 * within. Drops connections that time out.
 */
export class ChannelAcceptor implements SnifferSink {
  readonly #timeoutMs: number;
  readonly #onChannel: (channel: ByteChannel, tunnel: TunnelKind) => void;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #sniffing = new Set<ProtocolSniffer>();
  readonly #tunnels: HttpTunnels;
  #stopTicking: (() => void) | undefined;

  /**
   * @param options `timeoutMs`: limit for detection, and for the second half of an HTTP tunnel
   * @param onChannel sets the channel's sink before it returns: the first bytes follow at once
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

  /** @param channel after the TLS handshake, if any */
  accept(channel: SocketChannel): void {
    const { ip } = endpointOf(channel.remote);
    const untilMs = this.#clock.monoMs() + this.#timeoutMs;
    const subscriber = subscriberOf(ip);
    let ofOne = 0;
    for (const other of this.#sniffing) {
      ofOne += subscriberOf(other.ip) === subscriber ? 1 : 0;
    }
    // In all, and of one address: an NVR opens its channels at once.
    if (this.#sniffing.size >= 512 || ofOne >= 128) {
      this.#log.debug({ peer: channel.remote, ofOne }, 'too many silent connections');
      channel.destroy();
      return;
    }
    this.#sniffing.add(new ProtocolSniffer(channel, ip, untilMs, this));
    this.#stopTicking ??= this.#clock.every(TICK_MS, () => this.#expire());
  }

  /** Drops pending connections; accepted channels have owners. */
  close(): void {
    this.#stopTicking?.();
    this.#stopTicking = undefined;
    for (const sniffer of [...this.#sniffing]) {
      sniffer.channel.destroy();
    }
    this.#tunnels.close();
  }

  onRtsp(sniffer: ProtocolSniffer, first: Uint8Array): void {
    this.#sniffing.delete(sniffer);
    const { channel } = sniffer;
    channel.sink = undefined;
    this.#onChannel(channel, 'none');
    channel.receive(first, first.length);
  }

  onHttp(sniffer: ProtocolSniffer, request: HttpRequest, first: Uint8Array): void {
    const { method, headers } = request;
    const cookie = headers.get('x-sessioncookie') ?? '';
    const foreign = foreignOrigin(headers);
    if (foreign !== undefined) {
      this.onBroken(sniffer, new PerchError('badInput', foreign));
    } else if (method === 'GET' && namesWord(headers.get('Upgrade'), 'websocket')) {
      this.#upgrade(sniffer, request, first);
    } else if (method === 'GET' && cookie !== '' && namesWord(headers.get('Accept'), TUNNELLED)) {
      this.#tunnel(sniffer, this.#tunnels.takeGet(sniffer, cookie));
    } else if (method === 'POST' && cookie !== '' && namesWord(headers.get('Content-Type'), TUNNELLED)) {
      this.#tunnel(sniffer, this.#tunnels.takePost(sniffer, cookie, first));
    } else {
      this.onBroken(sniffer, new PerchError('badInput', `HTTP ${method} is not a tunnel: this port is for RTSP`));
    }
  }

  /** The connection started as HTTP and gets an HTTP response. */
  onBroken(sniffer: ProtocolSniffer, reason: PerchError): void {
    this.#log.debug({ peer: sniffer.channel.remote, reason: explain(reason) }, 'connection refused');
    const body = new TextEncoder().encode(`${reason.message}\n`);
    const status = reason.code === 'exhausted' ? '503 Service Unavailable' : '400 Bad Request';
    const head = writeHttpHead(`HTTP/1.1 ${status}`, [
      ['Connection', 'close'],
      ['Content-Type', 'text/plain; charset=utf-8'],
      ['Content-Length', `${body.length}`],
    ]);
    sniffer.channel.writeTwo(head, body);
    // Counted until the client closes or times out.
    sniffer.channel.end();
  }

  onGone(sniffer: ProtocolSniffer): void {
    this.#sniffing.delete(sniffer);
  }

  #tunnel(sniffer: ProtocolSniffer, rejection: PerchError | undefined): void {
    if (rejection) {
      this.onBroken(sniffer, rejection);
    } else {
      this.#sniffing.delete(sniffer);
    }
  }

  /** RFC 6455 §4.2. */
  #upgrade(sniffer: ProtocolSniffer, { headers }: HttpRequest, first: Uint8Array): void {
    const key = headers.get('Sec-WebSocket-Key')?.trim() ?? '';
    const version = headers.get('Sec-WebSocket-Version')?.trim();
    const fault =
      (!namesWord(headers.get('Connection'), 'upgrade') && 'without Connection: Upgrade') ||
      (version !== '13' && `of version '${(version ?? '').slice(0, 8)}', expected 13`) ||
      (!WEBSOCKET_KEY.test(key) && 'without a key of 16 bytes') ||
      (!namesWord(headers.get('Sec-WebSocket-Protocol'), WEBSOCKET_SUBPROTOCOL) &&
        `without the protocol ${WEBSOCKET_SUBPROTOCOL}`);
    if (fault) {
      this.onBroken(sniffer, new PerchError('badInput', `WebSocket ${fault}`));
      return;
    }
    this.#sniffing.delete(sniffer);
    const { channel } = sniffer;
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
    for (const sniffer of [...this.#sniffing]) {
      if (nowMs >= sniffer.untilMs) {
        this.#log.debug({ peer: sniffer.channel.remote }, 'connection timed out before an RTSP request');
        sniffer.channel.destroy();
      }
    }
    this.#tunnels.expire(nowMs);
    if (this.#sniffing.size === 0 && !this.#tunnels.isWaiting) {
      this.#stopTicking?.();
      this.#stopTicking = undefined;
    }
  }
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('base64');
}

const FORWARDED = /^(?:x-forwarded-.*|forwarded|x-real-ip)$/i;

/**
 * Why a tunnel's address cannot be trusted for access: it may come from a web page (browsers open WebSockets to any
 * host, with `Origin`) or a proxy.
 */
export function foreignOrigin(headers: RtspHeaders): string | undefined {
  if (headers.fields.some(([name]) => FORWARDED.test(name))) {
    return "tunnel through a proxy: the client's address is unknown";
  }
  const origin = headers.get('Origin');
  if (origin === undefined) {
    return undefined;
  }
  const name = hostNameOf(origin.replace(/^[a-z]+:\/\//i, ''));
  // A page of this host, by address. Any other name may be pointed here by its owner.
  const isOwn = name === hostNameOf(headers.get('Host') ?? '') && (isIP(name) !== 0 || name === 'localhost');
  return isOwn ? undefined : `tunnel from the web page ${origin.slice(0, 80)}`;
}

/** Host name without port and brackets. */
function hostNameOf(host: string): string {
  return (/^\[([^\]]*)\]/.exec(host)?.[1] ?? host.replace(/:\d*$/, '')).toLowerCase();
}
