import type { Server } from 'node:http';
import {
  constants,
  type Http2SecureServer,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { canonicalIp } from '../../base/network/ip-address.ts';
import type { KeyPair } from '../../config/file/key-pair.ts';
import { isAwaited } from './slow-body.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A player has a handful open: playlists and parts of each rendition. */
const MAX_STREAMS = 100;
/** Limits for cancelled requests, which cost their sender nothing (CVE-2023-44487): the burst, and the rate per second. */
const RESET_BURST = 200;
const RESETS_PER_SECOND = 20;

/** Time without any traffic after which a connection is ended, longer than any wait within one. */
const STILL_SESSION_MS = 120_000;
const SENTENCE = 'this port speaks https\n';
/** Response to a browser that opens an address of plain HTTP on this port. */
const SPEAKS_HTTPS = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${SENTENCE.length}\r\nConnection: close\r\n\r\n${SENTENCE}`;

/** HTTP/2 by ALPN; HTTP/1.1 for other clients and for WebSockets. */
export function secureOptions({ key, cert, sni }: KeyPair): SecureServerOptions {
  return {
    key,
    cert,
    ...(sni && { SNICallback: sni }),
    allowHTTP1: true,
    // As `http.createServer`: with Nagle's algorithm the end of an answer waits for a delayed acknowledgement, 40 ms.
    noDelay: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    unknownProtocolTimeout: HANDSHAKE_TIMEOUT_MS,
    maxSessionMemory: 4,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: MAX_STREAMS,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESETS_PER_SECOND,
    settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: 16 << 10 },
  };
}

/** Adds what Node lacks for such a server: HTTP/2 timeouts, and logs of connection failures. @param sockets open ones, below TLS */
export function finishSecure(one: Server, sockets: ReadonlySet<Socket>, keepAliveMs: number, log: Logger): void {
  const server = one as unknown as Http2SecureServer;
  limitHttp2Times(server, { requestTimeoutMs: () => one.requestTimeout, keepAliveMs });
  server.on('sessionError', (error) => log.debug({ cause: explain(error) }, 'HTTP/2 connection failed'));
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    log.debug(
      { remote: canonicalIp(socket.remoteAddress ?? ''), cause: explain(error) },
      'TLS handshake of an HTTP client failed',
    );
    if (error.code === 'ERR_SSL_HTTP_REQUEST') {
      const { remoteAddress, remotePort } = socket;
      // Below TLS, which is closed next.
      const plain = [...sockets].find((it) => it.remotePort === remotePort && it.remoteAddress === remoteAddress);
      plain?.write(SPEAKS_HTTPS);
    }
    socket.destroy();
  });
}

/**
 * Ends idle HTTP/2 connections, and requests whose body does not complete in time: Node does that only for HTTP/1.1. Otherwise slow clients
 * could block all others.
 */
export function limitHttp2Times(
  server: Http2SecureServer,
  { requestTimeoutMs, keepAliveMs }: { requestTimeoutMs(): number; readonly keepAliveMs: number },
): void {
  server.on('session', (session: ServerHttp2Session) => {
    // `close` would wait for a client that does not read.
    const end = () => session.destroy();
    session.setTimeout(STILL_SESSION_MS, end);
    let open = 0;
    let idle = setTimeout(end, keepAliveMs).unref();
    session.on('stream', (stream: ServerHttp2Stream) => {
      open += 1;
      clearTimeout(idle);
      const late = stream.endAfterHeaders ? undefined : endLate(stream, requestTimeoutMs());
      stream.once('close', () => {
        clearTimeout(late);
        open -= 1;
        if (open === 0 && !session.destroyed) {
          idle = setTimeout(end, keepAliveMs).unref();
        }
      });
    });
    session.once('close', () => clearTimeout(idle));
  });
}

function endLate(stream: ServerHttp2Stream, requestTimeoutMs: number): NodeJS.Timeout {
  const end = (): void => {
    if (!isAwaited(stream)) {
      stream.close(constants.NGHTTP2_CANCEL);
    }
  };
  const late = setTimeout(end, requestTimeoutMs).unref();
  stream.once('end', () => clearTimeout(late));
  return late;
}

/** If an HTTP/2 client leaves before its reply begins, Node emits no event, and Fastify would keep the reply's source open. */
export function dropLeftAnswers(app: FastifyInstance): void {
  app.addHook('onSend', ({ raw }, _reply, payload, done) => {
    if (raw.httpVersionMajor === 2 && raw.aborted && payload instanceof Readable) {
      payload.destroy();
    }
    done();
  });
}
