import {
  type ClientHttp2Session,
  connect,
  constants,
  type Http2Session,
  type Http2Stream,
  performServerHandshake,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { everyTogether } from '../../../base/time/shared-timer.ts';
import type { LinkStream } from './link-stream.ts';
import { LinkWindow } from './link-window.ts';

/*
 * HTTP/2 over a link. Each stream of it is a tunnel (CONNECT, RFC 9113 §8.5) that the server opens and the box serves as a connection of its
 * HTTP server. So requests, signatures, WebSockets and RTSP within them are the same as when the server connects to the box, and each has its
 * own flow control.
 */

const PING_MS = 5_000;
/** Pings without any byte since, after which the link has ended: it is noticed within 15 s. */
const MAX_SILENT_PINGS = 2;
const CHECK_MS = 3_000;
/** Window of one stream, renewed by halves: measured 8 Mbit/s at a round trip of half a second, 32 at a tenth. A reader that stops holds back its own stream only. */
const STREAM_WINDOW_BYTES = 1 << 20;
/** Interval of the samples that size the window of a link. */
const SAMPLE_MS = 1_000;
/** A link on which less arrives between two samples is idle. */
const IDLE_BYTES = 4 << 10;
/** Streams at once: 64 requests, RTSP of cameras that are watched, and kept connections. */
const MAX_STREAMS = 512;
/** Streams that the server resets at once, and per second. Viewers do so by leaving; beyond Node's 1,000 and 33 it would end the link for all. */
const STREAM_RESETS = { streamResetBurst: 100_000, streamResetRate: 10_000 };
/** RFC 9218 §4.2: streams take turns by the frame. Otherwise nghttp2 sends all that one has queued before it sends of the next. */
const IN_TURN = 'u=3, i';
/** Before them (§4.1). */
const LIVE = 'u=1, i';
/** With the frame that ends a link whose pairing the box has ended (GOAWAY, RFC 9113 §6.8). */
const LEFT = 'left';
const LEAVE_MS = 2_000;

const LIMITS = {
  // In MB: a flood of frames ends the session.
  maxSessionMemory: 64,
  maxHeaderListPairs: 16,
  maxSessionInvalidFrames: 10,
  settings: {
    initialWindowSize: STREAM_WINDOW_BYTES,
    maxConcurrentStreams: MAX_STREAMS,
    maxHeaderListSize: 4 << 10,
    enablePush: false,
  },
};

/** The server's end: it opens streams. */
export class ServerEnd {
  readonly #session: ClientHttp2Session;
  readonly #stream: LinkStream;
  #hasLeft = false;

  constructor(stream: LinkStream, clock: Clock) {
    this.#stream = stream;
    this.#session = connect('http://box', {
      ...LIMITS,
      peerMaxConcurrentStreams: MAX_STREAMS,
      createConnection: () => stream,
    });
    this.#session.on('goaway', (_code, _stream, data: Uint8Array | undefined) => {
      if (data && Buffer.from(data).toString('latin1') === LEFT) {
        this.#hasLeft = true;
        this.close();
      }
    });
    this.#session.once('connect', () => sizeWindow(this.#session, stream, clock));
    keepUp(this.#session, stream, clock);
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** A new stream. @param isLive it is for live pictures @throws PerchError unavailable */
  open(isLive = false): Socket {
    try {
      // The box serves each one, so nothing waits for its answer.
      const tunnel = this.#session.request(
        { ':method': 'CONNECT', ':authority': 'box', priority: isLive ? LIVE : IN_TURN },
        { endStream: false },
      );
      tunnel.once('response', (headers) => {
        if (headers[':status'] !== 200) {
          tunnel.close(constants.NGHTTP2_CANCEL);
        }
      });
      return socketOf(tunnel, this.#stream.remote);
    } catch (error) {
      throw new PerchError('unavailable', `the connection of the box has ended: ${explain(error)}`);
    }
  }

  close(): void {
    this.#session.destroy();
    this.#stream.destroy();
  }
}

interface BoxEnd {
  /** Ends the link unless the server answers within 3 s. */
  check(): void;
  /** Ends the link, because the pairing has ended: the server learns that. */
  leave(): void;
}

/** The box's end. @param serve gets each stream that the server opens */
export function serveBoxEnd(stream: LinkStream, clock: Clock, serve: (socket: Socket) => void): BoxEnd {
  const session = performServerHandshake(stream, { ...LIMITS, ...STREAM_RESETS });
  session.on('stream', (tunnel: ServerHttp2Stream, headers) => {
    if (headers[':method'] !== 'CONNECT') {
      tunnel.respond({ ':status': 405 }, { endStream: true });
      return;
    }
    tunnel.respond({ ':status': 200 });
    serve(socketOf(tunnel, stream.remote));
  });
  keepUp(session, stream, clock);
  let isChecking = false;
  return {
    check: () => {
      if (isChecking || session.destroyed || session.closed) {
        return;
      }
      isChecking = true;
      const over = new AbortController();
      void clock.sleep(CHECK_MS, over.signal).then(() => {
        isChecking = false;
        if (!over.signal.aborted) {
          stream.destroy(new PerchError('timeout', `no answer within ${CHECK_MS / 1000} s of a change of the network`));
        }
      });
      session.ping((error) => {
        if (!error) {
          over.abort();
        }
      });
    },
    leave: () => {
      if (session.destroyed || session.closed) {
        stream.destroy();
        return;
      }
      session.goaway(constants.NGHTTP2_NO_ERROR, 0, Buffer.from(LEFT));
      // The server closes the connection; what it has answered to this has come after it.
      const over = new AbortController();
      session.ping((error) => {
        // Too many pings without an answer: the goodbye waits, too.
        if (!error) {
          stream.destroy();
        }
      });
      stream.once('close', () => over.abort());
      void clock.sleep(LEAVE_MS, over.signal).then(() => stream.destroy());
    },
  };
}

/** Sizes what the box may have under way to this server, once a second while something arrives. */
function sizeWindow(session: Http2Session, stream: LinkStream, clock: Clock): void {
  const window = new LinkWindow();
  let [seenBytes, seenMs] = [stream.receivedBytes, clock.monoMs()];
  /** Monotonic time of the ping without an answer. */
  let pingMs: number | undefined;
  const add = (sentMs: number): void => {
    const nowMs = clock.monoMs();
    const bytesPerMs = (stream.receivedBytes - seenBytes) / Math.max(1, nowMs - seenMs);
    [seenBytes, seenMs] = [stream.receivedBytes, nowMs];
    const former = window.bytes;
    window.add({ roundTripMs: nowMs - sentMs, bytesPerMs, nowMs });
    if (window.bytes !== former && !session.destroyed) {
      session.setLocalWindowSize(window.bytes);
    }
  };
  const sample = (): void => {
    if (session.destroyed || session.closed) {
      return;
    }
    const nowMs = clock.monoMs();
    if (pingMs !== undefined) {
      // Answers come in the queue: one that is late is a sample already.
      add(pingMs);
    } else if (stream.receivedBytes - seenBytes >= IDLE_BYTES || window.wantsBase(nowMs)) {
      pingMs = nowMs;
      session.ping((error) => {
        const sentMs = pingMs ?? nowMs;
        pingMs = undefined;
        if (!error) {
          add(sentMs);
        }
      });
    } else {
      [seenBytes, seenMs] = [stream.receivedBytes, nowMs];
    }
  };
  if (stream.destroyed || session.destroyed) {
    return;
  }
  session.setLocalWindowSize(window.bytes);
  sample();
  stream.once('close', everyTogether(clock, SAMPLE_MS, sample));
}

/** Pings, and ends the link with an error when nothing arrives any more. */
function keepUp(session: Http2Session, stream: LinkStream, clock: Clock): void {
  let [seenBytes, silent] = [stream.receivedBytes, 0];
  const stop = everyTogether(clock, PING_MS, () => {
    silent = stream.receivedBytes === seenBytes ? silent + 1 : 0;
    seenBytes = stream.receivedBytes;
    if (silent >= MAX_SILENT_PINGS) {
      stream.destroy(new PerchError('timeout', `nothing arrives for ${(MAX_SILENT_PINGS * PING_MS) / 1000} s`));
    } else if (!session.destroyed && !session.closed) {
      session.ping(() => {});
    }
  });
  session.on('error', (error) => stream.destroy(error));
  session.once('close', () => stream.destroy());
  stream.once('close', () => {
    stop();
    session.destroy();
  });
}

/** What Node's HTTP/1.1 and our channels use of a socket, for a stream of HTTP/2. */
function socketOf(tunnel: Http2Stream, remote: string): Socket {
  const colon = remote.lastIndexOf(':');
  const none = () => tunnel;
  tunnel.on('error', () => {});
  return Object.assign(tunnel, {
    // Of the link: the requests are encrypted on their way.
    encrypted: true,
    remoteAddress: remote.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
    remotePort: Number(remote.slice(colon + 1)),
    setNoDelay: none,
    setKeepAlive: none,
    ref: none,
    unref: none,
    destroySoon: () => {
      if (tunnel.writable) {
        tunnel.end();
      }
      if (tunnel.writableFinished) {
        tunnel.destroy();
      } else {
        tunnel.once('finish', () => tunnel.destroy());
      }
    },
  }) as unknown as Socket;
}
