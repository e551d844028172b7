import { PerchError } from '../../../base/errors.ts';
import { endpointOf, subscriberOf } from '../../../base/network/ip-address.ts';
import type { ByteChannel, SocketChannel } from '../../../base/network/socket-channel.ts';
import { writeHttpHead } from '../../../media/rtsp/http-head.ts';
import { HttpTunnel } from './http-tunnel.ts';
import type { ProtocolSniffer } from './protocol-sniffer.ts';

export const TUNNELLED = 'application/x-rtsp-tunnelled';

const MAX_COOKIE_LENGTH = 256;
/** A shorter cookie could be guessed: its halves must have one address. FFmpeg's are 16 hexadecimal digits, live555's 22 characters. */
const MIN_SECRET_LENGTH = 16;

interface Half {
  readonly key: string;
  readonly cookie: string;
  readonly channel: SocketChannel;
  readonly untilMs: number;
  readonly isGet: boolean;
  /** Subscriber that the limit counts. */
  readonly subscriber: string;
  /** POST data received so far. */
  early: Uint8Array;
}

interface Joined {
  readonly cookie: string;
  readonly tunnel: HttpTunnel;
}

/**
 * Pairs the connections of HTTP tunnels by x-sessioncookie: those of one address first, because two clients may have the same cookie,
 * else those of two addresses (the NAT of a carrier, IPv4 and IPv6). All POSTs of a tunnel have one address.
 */
export class HttpTunnels {
  readonly #onTunnel: (channel: ByteChannel) => void;
  readonly #waiting = new Map<string, Half>();
  /** Joined tunnels, for further POSTs. */
  readonly #joined = new Map<string, Joined>();

  constructor(onTunnel: (channel: ByteChannel) => void) {
    this.#onTunnel = onTunnel;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** @returns why it is rejected */
  takeGet(sniffer: ProtocolSniffer, cookie: string): PerchError | undefined {
    const key = tunnelKey(sniffer, cookie);
    if (this.#joined.has(key)) {
      return new PerchError('badInput', "HTTP tunnel reuses another one's cookie");
    }
    const other = this.#counterpart(key, cookie, false);
    if (other) {
      this.#waiting.delete(other.key);
      accept(sniffer.channel);
      this.#join({ key, cookie }, sniffer.channel, other.channel, other.early);
      return undefined;
    }
    const rejection = this.#rejection(key, sniffer, cookie);
    if (!rejection) {
      this.#wait(key, cookie, sniffer, true);
      accept(sniffer.channel);
    }
    return rejection;
  }

  /** A POST gets no response: the client does not read it. @returns why it is rejected */
  takePost(sniffer: ProtocolSniffer, cookie: string, first: Uint8Array): PerchError | undefined {
    const key = tunnelKey(sniffer, cookie);
    for (const joined of this.#joined.values()) {
      if (joined.cookie === cookie && joined.tunnel.postIp === sniffer.ip) {
        joined.tunnel.takePost(sniffer.channel, first);
        return undefined;
      }
    }
    const own = this.#joined.get(key);
    if (own) {
      // One of the two POSTs is a stranger's.
      own.tunnel.destroy();
      return new PerchError('badInput', `HTTP tunnel has a POST from ${own.tunnel.postIp} already`);
    }
    const other = this.#counterpart(key, cookie, true);
    if (other) {
      this.#waiting.delete(other.key);
      this.#join(other, other.channel, sniffer.channel, first);
      return undefined;
    }
    const rejection = this.#rejection(key, sniffer, cookie);
    if (!rejection) {
      keepEarly(this.#wait(key, cookie, sniffer, false), first);
    }
    return rejection;
  }

  expire(nowMs: number): void {
    for (const [key, { channel, untilMs }] of [...this.#waiting]) {
      if (nowMs >= untilMs) {
        this.#waiting.delete(key);
        channel.destroy();
      }
    }
  }

  close(): void {
    this.expire(Number.POSITIVE_INFINITY);
  }

  #counterpart(key: string, cookie: string, isGet: boolean): Half | undefined {
    const own = this.#waiting.get(key);
    if (own) {
      return own.isGet === isGet ? own : undefined;
    }
    if (cookie.length < MIN_SECRET_LENGTH) {
      return undefined;
    }
    const others = [...this.#waiting.values(), ...this.#joined.values()].filter((one) => one.cookie === cookie);
    const [only] = others;
    // A cookie that several have is no secret.
    return others.length === 1 && only && 'isGet' in only && only.isGet === isGet ? only : undefined;
  }

  #rejection(key: string, sniffer: ProtocolSniffer, cookie: string): PerchError | undefined {
    if (cookie.length > MAX_COOKIE_LENGTH) {
      return new PerchError('badInput', `x-sessioncookie of ${cookie.length} bytes, the limit is ${MAX_COOKIE_LENGTH}`);
    }
    const subscriber = subscriberOf(sniffer.ip);
    let ofOne = 0;
    for (const other of this.#waiting.values()) {
      ofOne += other.subscriber === subscriber ? 1 : 0;
    }
    // Halves without a counterpart, in all and per subscriber.
    const isFull = this.#waiting.size >= 128 || ofOne >= 32;
    if (isFull && !this.#waiting.has(key)) {
      return new PerchError('exhausted', `${ofOne} HTTP tunnels of this address wait for their other half`);
    }
    return undefined;
  }

  #wait(key: string, cookie: string, sniffer: ProtocolSniffer, isGet: boolean): Half {
    const { channel, untilMs } = sniffer;
    const before = this.#waiting.get(key);
    // The client has retried.
    before?.channel.destroy();
    const subscriber = subscriberOf(sniffer.ip);
    const half: Half = { key, cookie, channel, untilMs, isGet, subscriber, early: new Uint8Array(0) };
    this.#waiting.set(key, half);
    channel.sink = {
      onBytes: (chunk, length) => keepEarly(half, chunk.subarray(0, length)),
      onEnd: () => {
        if (this.#waiting.get(key) === half) {
          this.#waiting.delete(key);
        }
      },
    };
    return half;
  }

  #join(
    { key, cookie }: Pick<Half, 'key' | 'cookie'>,
    get: SocketChannel,
    post: SocketChannel,
    first: Uint8Array,
  ): void {
    const tunnel = new HttpTunnel(get, endpointOf(post.remote).ip, () => this.#joined.delete(key));
    this.#joined.set(key, { cookie, tunnel });
    this.#onTunnel(tunnel);
    tunnel.takePost(post, first);
  }
}

function tunnelKey(sniffer: ProtocolSniffer, cookie: string): string {
  return `${sniffer.ip} ${cookie}`;
}

function keepEarly(half: Half, bytes: Uint8Array): void {
  if (half.isGet) {
    return;
  }
  // POST data before its GET, such as a request or two.
  if (half.early.length + bytes.length > 16_384) {
    half.channel.destroy();
    return;
  }
  const early = new Uint8Array(half.early.length + bytes.length);
  early.set(half.early);
  early.set(bytes, half.early.length);
  half.early = early;
}

function accept(channel: SocketChannel): void {
  channel.write(
    writeHttpHead('HTTP/1.0 200 OK', [
      ['Connection', 'close'],
      ['Cache-Control', 'no-store'],
      ['Pragma', 'no-cache'],
      ['Content-Type', TUNNELLED],
    ]),
  );
}
