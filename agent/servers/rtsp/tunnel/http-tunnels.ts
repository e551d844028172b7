import type { ByteChannel } from '../../../base/byte-channel.ts';
import { PerchError } from '../../../base/errors.ts';
import { subscriberOf } from '../../../base/ip-address.ts';
import type { SocketChannel } from '../../../base/socket-channel.ts';
import { writeHttpHead } from '../../../media/rtsp/http-head.ts';
import { HttpTunnel } from './http-tunnel.ts';
import type { Arrival } from './protocol-sniffer.ts';

export const TUNNELLED = 'application/x-rtsp-tunnelled';

const MAX_COOKIE_LENGTH = 256;
/** Halves that wait for the other: in all, and of one subscriber. */
const MAX_WAITING = 128;
const MAX_WAITING_OF_ONE = 32;
/** What a POST may bring before its GET has come: a request or two. */
const MAX_EARLY_BYTES = 16_384;

/** One half of a tunnel. */
interface Half {
  readonly channel: SocketChannel;
  readonly untilMs: number;
  readonly isGet: boolean;
  /** Whose limit it counts for. */
  readonly subscriber: string;
  /** What a POST has brought so far. */
  early: Uint8Array;
}

/** Joins the two connections of each HTTP tunnel: those with the same x-sessioncookie from the same address. */
export class HttpTunnels {
  readonly #onTunnel: (channel: ByteChannel) => void;
  readonly #waiting = new Map<string, Half>();
  /** For POSTs that follow the first. */
  readonly #joined = new Map<string, HttpTunnel>();

  constructor(onTunnel: (channel: ByteChannel) => void) {
    this.#onTunnel = onTunnel;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** @returns why it is refused */
  takeGet(arrival: Arrival, cookie: string): PerchError | undefined {
    const key = keyOf(arrival, cookie);
    if (this.#joined.has(key)) {
      return new PerchError('badInput', 'HTTP tunnel with the cookie of another one');
    }
    const other = this.#waiting.get(key);
    if (other && !other.isGet) {
      this.#waiting.delete(key);
      accept(arrival.channel);
      this.#join(key, arrival.channel, other.channel, other.early);
      return undefined;
    }
    const refusal = this.#refusal(key, arrival, cookie);
    if (!refusal) {
      this.#wait(key, arrival, true);
      accept(arrival.channel);
    }
    return refusal;
  }

  /** A POST is not answered: the client does not read there. @returns why it is refused */
  takePost(arrival: Arrival, cookie: string, first: Uint8Array): PerchError | undefined {
    const key = keyOf(arrival, cookie);
    const joined = this.#joined.get(key);
    const other = this.#waiting.get(key);
    if (joined) {
      joined.takePost(arrival.channel, first);
      return undefined;
    }
    if (other?.isGet) {
      this.#waiting.delete(key);
      this.#join(key, other.channel, arrival.channel, first);
      return undefined;
    }
    const refusal = this.#refusal(key, arrival, cookie);
    if (!refusal) {
      keepEarly(this.#wait(key, arrival, false), first);
    }
    return refusal;
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

  #refusal(key: string, arrival: Arrival, cookie: string): PerchError | undefined {
    if (cookie.length > MAX_COOKIE_LENGTH) {
      return new PerchError(
        'badInput',
        `x-sessioncookie of ${cookie.length} bytes, at most ${MAX_COOKIE_LENGTH} are taken`,
      );
    }
    const subscriber = subscriberOf(arrival.ip);
    let ofOne = 0;
    for (const other of this.#waiting.values()) {
      ofOne += other.subscriber === subscriber ? 1 : 0;
    }
    const isFull = this.#waiting.size >= MAX_WAITING || ofOne >= MAX_WAITING_OF_ONE;
    if (isFull && !this.#waiting.has(key)) {
      return new PerchError('exhausted', `${ofOne} HTTP tunnels of this address wait for their other half already`);
    }
    return undefined;
  }

  #wait(key: string, arrival: Arrival, isGet: boolean): Half {
    const { channel, untilMs } = arrival;
    const before = this.#waiting.get(key);
    // The client has tried again.
    before?.channel.destroy();
    const subscriber = subscriberOf(arrival.ip);
    const half: Half = { channel, untilMs, isGet, subscriber, early: new Uint8Array(0) };
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

  #join(key: string, get: SocketChannel, post: SocketChannel, first: Uint8Array): void {
    const tunnel = new HttpTunnel(get, () => this.#joined.delete(key));
    this.#joined.set(key, tunnel);
    this.#onTunnel(tunnel);
    tunnel.takePost(post, first);
  }
}

/** Nobody joins another address's tunnel by guessing its cookie. */
function keyOf(arrival: Arrival, cookie: string): string {
  return `${arrival.ip} ${cookie}`;
}

function keepEarly(half: Half, bytes: Uint8Array): void {
  if (half.isGet) {
    return;
  }
  if (half.early.length + bytes.length > MAX_EARLY_BYTES) {
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
