import { PerchError } from '../../../base/errors.ts';
import type { ByteSink, SocketChannel } from '../../../base/network/socket-channel.ts';
import { HttpHeadReader, type HttpRequest, parseHttpHead } from '../../../media/rtsp/http-head.ts';

const NOTHING = new Uint8Array(0);
const HTTP_STARTS = ['GET ', 'POST '];

export interface SnifferSink {
  /** @param first bytes so far, valid during the call only */
  onRtsp(sniffer: ProtocolSniffer, first: Uint8Array): void;
  /** @param first bytes after the head, valid during the call only */
  onHttp(sniffer: ProtocolSniffer, request: HttpRequest, first: Uint8Array): void;
  onBroken(sniffer: ProtocolSniffer, reason: PerchError): void;
  onGone(sniffer: ProtocolSniffer): void;
}

/** A new connection: its first bytes distinguish RTSP from a tunnel's HTTP. */
export class ProtocolSniffer implements ByteSink {
  readonly channel: SocketChannel;
  /** Canonical IP address, without port. */
  readonly ip: string;
  /** Monotonic deadline for the detection. */
  readonly untilMs: number;
  readonly #sink: SnifferSink;
  #start = NOTHING;
  #head: HttpHeadReader | undefined;
  #isOver = false;

  constructor(channel: SocketChannel, ip: string, untilMs: number, sink: SnifferSink) {
    this.channel = channel;
    this.ip = ip;
    this.untilMs = untilMs;
    this.#sink = sink;
    channel.sink = this;
  }

  onBytes(chunk: Uint8Array, length: number): void {
    if (this.#isOver) {
      return;
    }
    const bytes = join(this.#start, chunk, length);
    try {
      if (this.#head) {
        this.#readHead(this.#head, bytes);
        return;
      }
      const kind = protocolKind(bytes);
      if (kind === 'rtsp') {
        this.#isOver = true;
        this.#sink.onRtsp(this, bytes);
      } else if (kind === 'http') {
        this.#start = NOTHING;
        this.#head = new HttpHeadReader();
        this.#readHead(this.#head, bytes);
      } else {
        this.#start = bytes.slice();
      }
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#isOver = true;
      this.#sink.onBroken(this, error);
    }
  }

  onEnd(): void {
    this.#isOver = true;
    this.#sink.onGone(this);
  }

  #readHead(head: HttpHeadReader, bytes: Uint8Array): void {
    const end = head.push(bytes, bytes.length);
    if (end < 0) {
      return;
    }
    const request = parseHttpHead(head.bytes);
    if (request.kind !== 'request') {
      throw new PerchError('badInput', `HTTP response ${request.status}, expected a request`);
    }
    this.#isOver = true;
    this.#sink.onHttp(this, request, bytes.subarray(end));
  }
}

/** The blank after the method matters: `GET_PARAMETER` is RTSP. */
function protocolKind(bytes: Uint8Array): 'rtsp' | 'http' | 'more' {
  let kind: 'rtsp' | 'more' = 'rtsp';
  for (const start of HTTP_STARTS) {
    let same = 0;
    while (same < Math.min(start.length, bytes.length) && bytes[same] === start.charCodeAt(same)) {
      same += 1;
    }
    if (same === start.length) {
      return 'http';
    }
    if (same === bytes.length) {
      kind = 'more';
    }
  }
  return kind;
}

function join(start: Uint8Array, chunk: Uint8Array, length: number): Uint8Array {
  if (start.length === 0) {
    return chunk.subarray(0, length);
  }
  const bytes = new Uint8Array(start.length + length);
  bytes.set(start);
  bytes.set(chunk.subarray(0, length), start.length);
  return bytes;
}
