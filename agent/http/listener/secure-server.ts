import type { Server } from 'node:http';
import type { Http2SecureServer, SecureServerOptions } from 'node:http2';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { explain } from '../../base/errors.ts';
import { canonicalIp } from '../../base/ip-address.ts';
import type { Logger } from '../../base/log.ts';
import type { KeyPair } from '../../config/file/key-pair.ts';
import { limitPatience } from './http2-patience.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A player has a handful open: playlists and parts of each rendition that it waits for. */
const MAX_STREAMS = 100;
const MAX_HEADER_BYTES = 16 << 10;
/** Requests that are taken back at once cost their sender nothing (CVE-2023-44487): so many may be, and so many more each second. */
const RESET_BURST = 200;
const RESETS_PER_SECOND = 20;
const MAX_INVALID_FRAMES = 100;
const MAX_SESSION_MEGABYTES = 4;

const SENTENCE = 'this port speaks https\n';
/** For a browser that was given an address of plain HTTP. */
const SPEAKS_HTTPS = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${SENTENCE.length}\r\nConnection: close\r\n\r\n${SENTENCE}`;

/** HTTP/2 for whoever asks for it in the handshake, HTTP/1.1 for all others and for WebSockets. */
export function secureOptions({ key, cert }: KeyPair): SecureServerOptions {
  return {
    key,
    cert,
    allowHTTP1: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    unknownProtocolTimeout: HANDSHAKE_TIMEOUT_MS,
    maxSessionMemory: MAX_SESSION_MEGABYTES,
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    maxSessionRejectedStreams: MAX_STREAMS,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESETS_PER_SECOND,
    settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEADER_BYTES },
  };
}

/**
 * What Node leaves out for such a server: times for HTTP/2, and faults of connections.
 * @param sockets open ones, below TLS
 */
export function finishSecure(one: Server, sockets: ReadonlySet<Socket>, keepAliveMs: number, log: Logger): void {
  const server = one as unknown as Http2SecureServer;
  limitPatience(server, { requestTimeoutMs: () => one.requestTimeout, keepAliveMs });
  server.on('sessionError', (error) => log.debug({ cause: explain(error) }, 'HTTP/2 connection has failed'));
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    log.debug(
      { remote: canonicalIp(socket.remoteAddress ?? ''), cause: explain(error) },
      'HTTP client did not come to TLS',
    );
    if (error.code === 'ERR_SSL_HTTP_REQUEST') {
      const { remoteAddress, remotePort } = socket;
      // Below TLS, which is closed behind this.
      const plain = [...sockets].find((it) => it.remotePort === remotePort && it.remoteAddress === remoteAddress);
      plain?.write(SPEAKS_HTTPS);
    }
    socket.destroy();
  });
}

/** When an HTTP/2 client leaves before its answer begins, Node reports nothing later, and Fastify would keep the answer's source open. */
export function dropLeftAnswers(app: FastifyInstance): void {
  app.addHook('onSend', ({ raw }, _reply, payload, done) => {
    if (raw.httpVersionMajor === 2 && raw.aborted && payload instanceof Readable) {
      payload.destroy();
    }
    done();
  });
}
