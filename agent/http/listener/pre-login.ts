import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { canonicalIp, isLoopbackIp } from '../../base/network/ip-address.ts';
import {
  CONNECTION_BYTES,
  PreLoginMemory,
  type PreLoginShare,
  TLS_CONNECTION_BYTES,
} from '../../base/network/pre-login-memory.ts';
import { parseAddress } from '../../config/values/address.ts';
import { AcceptQueue } from './accept-queue.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Body limit for unauthenticated clients, if larger than the default. */
    readonly preLoginBodyBytes?: number;
  }
}

/** Node's size limit of the head of a request. */
const MAX_HEAD_BYTES = 16 << 10;
/** Time limit of a whole request with its handshake, until it is authorized. */
const MAX_REQUEST_MS = 5_000;
const POLL_MS = 500;

/** A request whose reply has not ended. */
interface OpenRequest {
  readonly raw: IncomingMessage;
  /** Its share of memory; 0 once authorized. */
  bytes: number;
  /** Permitted without a name. */
  isLetIn: boolean;
}

interface Connection {
  /** Accept queue of the connection's listener. */
  readonly queue: AcceptQueue;
  readonly socket: Socket;
  readonly share: PreLoginShare;
  /** Fixed part of its memory share; 0 once authorized. */
  fixedBytes: number;
  /** One over HTTP/1 without pipelining. A Map would make a table in V8's old space for each request. */
  readonly requests: OpenRequest[];
  /** Bytes received by the end of the last request, and its time; infinite while the connection waits to be read. */
  readBytes: number;
  sinceMs: number;
  /** Received bytes that `discard` has counted. */
  discardedBytes: number;
}

/** Connections of all listeners, by addresses and ports of both ends. */
const connections = new Map<string, Connection>();

/** The budget of a listener; a loopback listener has its own, which remote clients cannot use up. */
export function preLoginAt(
  address: string,
  { preLogin, clock, log }: { readonly preLogin: PreLoginMemory; readonly clock: Clock; readonly log: Logger },
): PreLoginMemory {
  const { host = '' } = parseAddress(address) ?? {};
  return host === 'localhost' || isLoopbackIp(host) ? new PreLoginMemory(clock, log) : preLogin;
}

/** Call when a request is permitted. @param isNamed the client is authenticated, so its connection no longer counts */
export function letIn({ raw }: FastifyRequest, isNamed: boolean): void {
  const connection = connections.get(keyOf(raw.socket));
  const request = openRequest(connection, raw);
  if (!connection || request?.isLetIn) {
    return;
  }
  if (request) {
    request.isLetIn = true;
    request.bytes = 0;
  }
  connection.queue.done(connection.socket);
  connection.fixedBytes = 0;
  if (isNamed) {
    connections.delete(keyOf(raw.socket));
    connection.share.end();
  } else {
    count(connection);
  }
}

/** The client is not authorized yet, and this listener limits such clients. */
export const isPreLogin = ({ raw }: FastifyRequest): boolean =>
  openRequest(connections.get(keyOf(raw.socket)), raw)?.isLetIn === false;

function openRequest(connection: Connection | undefined, raw: IncomingMessage): OpenRequest | undefined {
  return connection?.requests.find((request) => request.raw === raw);
}

/**
 * Limits unauthorized clients of a listener: small bodies (`boundNewcomers`), little time for a request, and one memory budget for heads,
 * bodies and connections.
 */
export function limitPreLogin(server: Server, memory: PreLoginMemory, isTls: boolean): void {
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
    const counts = { fixedBytes, requests: [], readBytes: 0, discardedBytes: 0 };
    const sinceMs = Number.POSITIVE_INFINITY;
    const connection = { queue, socket, share, ...counts, sinceMs };
    connections.set(key, connection);
    socket.once('close', () => {
      share.end();
      if (connections.get(key) === connection) {
        discardReceived(connection);
        connections.delete(key);
      }
    });
    share.hold(fixedBytes);
  });
  let lookedMs = now();
  const timer = setInterval(() => {
    // A delay by this busy process is not the client's.
    const busyMs = Math.max(0, now() - lookedMs - POLL_MS);
    lookedMs = now();
    for (const connection of connections.values()) {
      if (connection.queue === queue) {
        connection.sinceMs += busyMs;
        check(connection);
      }
    }
  }, POLL_MS).unref();
  server.once('close', () => clearInterval(timer));
}

/** Counts requests of unauthorized clients to the routes of `app`, and limits their bodies. */
export function boundPreLogin(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw }, reply) => {
    enter(raw, reply.raw);
  });
  // After all hooks that authorize.
  app.addHook('preParsing', async (request, _reply, payload) => {
    const connection = connections.get(keyOf(request.raw.socket));
    const open = openRequest(connection, request.raw);
    return connection && open?.isLetIn === false ? limitBody(connection, open, request, payload as Readable) : payload;
  });
}

/** @returns undefined if the connection does not count */
function enter(raw: IncomingMessage, response: ServerResponse): Connection | undefined {
  const connection = connections.get(keyOf(raw.socket));
  if (connection && !openRequest(connection, raw)) {
    discardReceived(connection);
    const request = { raw, bytes: 0, isLetIn: false };
    connection.requests.push(request);
    if (!hasBody(raw)) {
      connection.queue.done(connection.socket);
    }
    response.once('close', () => {
      connection.queue.done(connection.socket);
      leave(connection, request);
    });
  }
  return connection;
}

/** Counts a request that Fastify does not see, as `boundNewcomers` does. */
export function countShortcut(raw: IncomingMessage, response: ServerResponse): void {
  const connection = enter(raw, response);
  const request = openRequest(connection, raw);
  if (connection && request) {
    request.bytes = headBytes(raw);
    count(connection);
  }
}

function limitBody(connection: Connection, open: OpenRequest, request: FastifyRequest, payload: Readable): Readable {
  const { raw, headers, routeOptions } = request;
  // A password, setup code or link token, also if written as `\uXXXX`.
  const limit = routeOptions.config?.preLoginBodyBytes ?? 4 << 10;
  const announced = headers['content-length'];
  if (Number(announced ?? 0) > limit) {
    throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
  }
  const isChunked = announced === undefined && !raw.complete;
  open.bytes = headBytes(raw) + (isChunked ? limit : Number(announced ?? 0));
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

/** The reply was sent or abandoned. */
function leave(connection: Connection, request: OpenRequest): void {
  connection.requests.splice(connection.requests.indexOf(request), 1);
  connection.readBytes = connection.socket.bytesRead;
  connection.sinceMs = now();
  count(connection);
}

function check(connection: Connection): void {
  const { requests, sinceMs, socket } = connection;
  const isAnswered = requests.some(({ isLetIn }) => isLetIn) || requests.every(({ raw }) => raw.complete);
  const isWaiting = requests.length === 0 ? isIdle(connection) : isAnswered;
  if (isWaiting) {
    connection.sinceMs = now();
  } else if (now() - sinceMs > MAX_REQUEST_MS) {
    socket.destroy();
    return;
  }
  count(connection);
}

/** A request was answered, and no other one has begun. */
const isIdle = ({ readBytes, socket }: Connection): boolean => readBytes > 0 && socket.bytesRead === readBytes;

function count({ share, fixedBytes, requests, socket, readBytes }: Connection): void {
  let bytes = fixedBytes;
  for (let i = 0; i < requests.length; i += 1) {
    bytes += (requests[i] as OpenRequest).bytes;
  }
  // The head of a partial request; a complete one is counted with the request.
  share.hold(bytes + (requests.length === 0 ? Math.min(socket.bytesRead - readBytes, MAX_HEAD_BYTES) : 0));
}

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
const headBytes = ({ rawHeaders }: IncomingMessage): number => rawHeaders.reduce((sum, { length }) => sum + length, 0);
const keyOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
const now = (): number => performance.now();

/**
 * Node copies up to 64 KiB of each connection outside of V8's heap before its head is parsed, and V8 frees copies only after 64 MB: a
 * thousand rejected bodies cost 80 MB for minutes. A collection in between takes some milliseconds.
 */
let discardedBytes = 0;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;
setFlagsFromString('--no-expose-gc');

/** Counts what an unauthorized client has sent since the last call. */
export function discardBody({ raw }: FastifyRequest): void {
  const connection = connections.get(keyOf(raw.socket));
  if (connection) {
    discardReceived(connection);
  }
}

/** Bytes that were read and dropped, and wait for V8 to free them. */
function discardReceived(connection: Connection): void {
  const { bytesRead } = connection.socket;
  discardedBytes += bytesRead - connection.discardedBytes;
  connection.discardedBytes = bytesRead;
  // Memory of closed connections that V8 has not freed yet.
  if (discardedBytes > 2 << 20) {
    discardedBytes = 0;
    collect({ type: 'minor' });
  }
}
