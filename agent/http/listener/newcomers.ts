import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import { canonicalIp, isLoopbackIp } from '../../base/ip-address.ts';
import type { Logger } from '../../base/log.ts';
import {
  CONNECTION_BYTES,
  NewcomerMemory,
  type NewcomerShare,
  TLS_CONNECTION_BYTES,
} from '../../base/newcomer-memory.ts';
import { parseAddress } from '../../config/values/address.ts';
import { AcceptQueue } from './accept-queue.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a client that has not been let in may send as a body, where that is more than a password takes. */
    readonly newcomerBodyBytes?: number;
  }
}

/** A password, a setup code or a link's token, and room for them written as `\uXXXX`. */
const MAX_BODY_BYTES = 4 << 10;
/** Node's limit of a head. */
const MAX_HEAD_BYTES = 16 << 10;
/** For a whole request, a handshake before it included, until somebody has let its client in. */
const MAX_REQUEST_MS = 5_000;
const LOOK_EVERY_MS = 500;
/** What connections that have gone have left for V8 to free. */
const MAX_DISCARDED_BYTES = 2 << 20;

interface Connection {
  /** Of its listener. */
  readonly queue: AcceptQueue;
  readonly socket: Socket;
  readonly share: NewcomerShare;
  /** Its fixed part of what it holds: none once it was let in. */
  fixedBytes: number;
  /** Requests that have not been let in and whose answers have not ended, with the bytes that they may hold. */
  readonly requests: Map<IncomingMessage, number>;
  /** Of requests that have been let in without a name. */
  running: number;
  /** What had come when the last request was over, and when that was; infinite while the connection waits to be read. */
  readBytes: number;
  sinceMs: number;
}

/** Of all listeners, by the addresses and ports of both ends. */
const connections = new Map<string, Connection>();
const letInRequests = new WeakSet<IncomingMessage>();

/** The budget of a listener: what programs on this machine alone can reach has one of its own, which nobody else uses up. */
export function newcomersAt(
  address: string,
  { newcomers, clock, log }: { readonly newcomers: NewcomerMemory; readonly clock: Clock; readonly log: Logger },
): NewcomerMemory {
  const { host = '' } = parseAddress(address) ?? {};
  return host === 'localhost' || isLoopbackIp(host) ? new NewcomerMemory(clock, log) : newcomers;
}

/** The request may do what it asks for. @param isNamed its client has said who it is: its connection is nobody's newcomer from now on */
export function letIn({ raw }: FastifyRequest, isNamed: boolean): void {
  const connection = connections.get(keyOf(raw.socket));
  if (!connection || letInRequests.has(raw)) {
    return;
  }
  letInRequests.add(raw);
  connection.queue.done(connection.socket);
  connection.fixedBytes = 0;
  connection.requests.delete(raw);
  if (isNamed) {
    connections.delete(keyOf(raw.socket));
    connection.share.end();
  } else {
    connection.running += 1;
    count(connection);
  }
}

/** Nobody has let the request's client in, and this listener bounds what such clients hold. */
export const isNewcomer = ({ raw }: FastifyRequest): boolean =>
  connections.get(keyOf(raw.socket))?.requests.has(raw) === true;

/**
 * Bounds what clients make this listener hold before somebody has let them in: their bodies are small (`boundNewcomers`), they have
 * little time for a request, and heads, bodies and connections of all of them count towards one budget.
 */
export function limitNewcomers(server: Server, memory: NewcomerMemory, isTls: boolean): void {
  const queue = new AcceptQueue(server, (socket) => {
    const connection = connections.get(keyOf(socket));
    if (connection) {
      connection.sinceMs = now();
    }
  });
  server.prependListener('connection', (socket: Socket) => {
    const key = keyOf(socket);
    const ip = canonicalIp(socket.remoteAddress ?? '') ?? '';
    const share = memory.open(ip, () => socket.destroy());
    const fixedBytes = isTls ? TLS_CONNECTION_BYTES : CONNECTION_BYTES;
    const counts = { fixedBytes, requests: new Map(), running: 0, readBytes: 0, sinceMs: Number.POSITIVE_INFINITY };
    const connection = { queue, socket, share, ...counts };
    connections.set(key, connection);
    socket.once('close', () => {
      share.end();
      if (connections.get(key) === connection) {
        discard(socket.bytesRead);
        connections.delete(key);
      }
    });
    share.hold(fixedBytes);
  });
  let lookedMs = now();
  const timer = setInterval(() => {
    // Whoever has had to wait because this process was busy has not been slow.
    const busyMs = Math.max(0, now() - lookedMs - LOOK_EVERY_MS);
    lookedMs = now();
    for (const connection of connections.values()) {
      if (connection.queue === queue) {
        connection.sinceMs += busyMs;
        look(connection);
      }
    }
  }, LOOK_EVERY_MS).unref();
  server.once('close', () => clearInterval(timer));
}

/** Counts the requests of newcomers to the routes of `app`, and limits their bodies. */
export function boundNewcomers(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw }, reply) => {
    const connection = connections.get(keyOf(raw.socket));
    if (connection) {
      connection.requests.set(raw, 0);
      if (!hasBody(raw)) {
        connection.queue.done(connection.socket);
      }
      reply.raw.once('close', () => {
        connection.queue.done(connection.socket);
        leave(connection, raw);
      });
    }
  });
  // Behind all hooks that let somebody in.
  app.addHook('preParsing', async (request, _reply, payload) => {
    const connection = connections.get(keyOf(request.raw.socket));
    return connection?.requests.has(request.raw) ? limitBody(connection, request, payload as Readable) : payload;
  });
}

function limitBody(connection: Connection, request: FastifyRequest, payload: Readable): Readable {
  const { raw, headers, routeOptions } = request;
  const limit = routeOptions.config?.newcomerBodyBytes ?? MAX_BODY_BYTES;
  const announced = headers['content-length'];
  if (Number(announced ?? 0) > limit) {
    throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
  }
  const isChunked = announced === undefined && !raw.complete;
  connection.requests.set(raw, headBytes(raw) + (isChunked ? limit : Number(announced ?? 0)));
  count(connection);
  return isChunked ? payload.pipe(cutAt(limit)) : payload;
}

function cutAt(limit: number): PassThrough {
  let bytes = 0;
  return new PassThrough({
    transform(piece: Uint8Array, _encoding, done) {
      bytes += piece.length;
      done(bytes > limit ? new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE() : null, piece);
    },
  });
}

/** The answer has gone out, or will not any more. */
function leave(connection: Connection, raw: IncomingMessage): void {
  connection.requests.delete(raw);
  connection.running -= letInRequests.has(raw) ? 1 : 0;
  connection.readBytes = connection.socket.bytesRead;
  connection.sinceMs = now();
  count(connection);
}

function look(connection: Connection): void {
  const { requests, running, sinceMs, socket } = connection;
  const isWaiting = isIdle(connection) || running > 0 || (requests.size > 0 && [...requests.keys()].every(isWhole));
  if (isWaiting) {
    connection.sinceMs = now();
  } else if (now() - sinceMs > MAX_REQUEST_MS) {
    socket.destroy();
    return;
  }
  count(connection);
}

const isWhole = ({ complete }: IncomingMessage): boolean => complete;

/** A request has been answered, and no other one has begun. */
const isIdle = ({ requests, readBytes, socket }: Connection): boolean =>
  requests.size === 0 && readBytes > 0 && socket.bytesRead === readBytes;

function count({ share, fixedBytes, requests, running, socket, readBytes }: Connection): void {
  let bytes = fixedBytes;
  for (const held of requests.values()) {
    bytes += held;
  }
  // The head of a request that is still coming in; what is known of it later is counted with the request.
  const isComing = requests.size === 0 && running === 0;
  share.hold(bytes + (isComing ? Math.min(socket.bytesRead - readBytes, MAX_HEAD_BYTES) : 0));
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
const headBytes = ({ rawHeaders }: IncomingMessage): number => rawHeaders.reduce((sum, { length }) => sum + length, 0);
const keyOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
const now = (): number => performance.now();

/**
 * Node copies up to 64 KiB of each connection out of V8's heap before anybody sees a head, and V8 frees copies when 64 MB of them
 * have come together: a thousand bodies that were refused cost 80 MB for minutes. Freeing them in between takes some milliseconds.
 */
let discardedBytes = 0;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;
setFlagsFromString('--no-expose-gc');

/** @param bytes that were read and dropped, and wait for V8 to free them */
export function discard(bytes: number): void {
  discardedBytes += bytes;
  if (discardedBytes > MAX_DISCARDED_BYTES) {
    discardedBytes = 0;
    collect({ type: 'minor' });
  }
}
