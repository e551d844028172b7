import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { PerchError } from '../base/errors.ts';
import { openTcp, openTls } from '../base/packet-dump/dump-connections.ts';
import { type HttpReply, HttpReplyReader } from './reply-reader.ts';

/** Methods whose requests have no body unless one is given. */
const BODILESS = ['GET', 'OPTIONS', 'DELETE'];

/** A server, and how to connect to it. */
export interface HttpServer {
  /** Without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  /** Undefined: without TLS. */
  readonly tls?: ConnectionOptions | undefined;
  readonly lookup?: LookupFunction | undefined;
  /** Limits the time of connecting: TCP's own timeout is two minutes. */
  readonly connectMs?: number | undefined;
  /** Called before each request, also on a kept connection. @returns why nothing may be sent to this server */
  readonly check?: ((socket: TLSSocket) => Error | undefined) | undefined;
}

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** In this order, after `Host`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Value of `Host`. */
  readonly hostHeader: string;
  readonly body?: string | undefined;
  /** A longer body is not read; see `HttpReply.excess`. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Called when the final head has arrived, before the body. */
  readonly onStatus?: ((status: number) => void) | undefined;
}

export interface Answered {
  readonly reply: HttpReply;
  /** Over TLS: whether an authority that this box knows has signed the certificate. */
  readonly isTrusted: boolean | undefined;
  readonly isReusable: boolean;
}

/** The server has closed the connection instead of a reply. */
export const cut = (words: string): Error => Object.assign(new Error(words), { code: 'ECUT' });

/** @throws the socket's error; that of `check`; the reason of the signal */
export async function open(server: HttpServer, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const { host, port, lookup, tls, connectMs } = server;
  const place = { host, port, ...(lookup && { lookup }) };
  const socket = tls
    ? openTls(
        { servername: isIP(host) === 0 ? host : '', ALPNProtocols: ['http/1.1'], ...tls, ...place },
        'https_source_conn',
      )
    : openTcp(place, 'http_source_conn');
  socket.setNoDelay(true);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): unknown => socket.destroy(signal.reason);
  const late = (): unknown => socket.destroy(Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' }));
  const timer = connectMs === undefined ? undefined : setTimeout(late, connectMs);
  const fail = (): void => reject(cut('it closed the connection'));
  signal.addEventListener('abort', abort);
  // Stays: an error of an idle connection is none of the process.
  socket.on('error', reject);
  socket.on('close', fail);
  socket.once(tls ? 'secureConnect' : 'connect', resolve);
  try {
    await promise;
    return socket;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    socket.off('close', fail);
  }
}

/**
 * Sends one request on an open connection and reads its reply. Nothing is sent before `check`: the request may hold a password.
 * @param isLast the connection ends with the reply
 */
export function converse(
  socket: Socket,
  { check }: HttpServer,
  asked: HttpRequest,
  isLast: boolean,
): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const reader = new HttpReplyReader(asked.maxBytes);
  const isTrusted = 'authorized' in socket ? socket.authorized === true : undefined;
  let hasStatus = false;
  const report = (): void => {
    if (!hasStatus && reader.status !== undefined) {
      hasStatus = true;
      asked.onStatus?.(reader.status);
    }
  };
  const fail = (cause: unknown): void => {
    release();
    socket.destroy();
    reject(cause);
  };
  const finish = (): void => {
    release();
    const { reply, isReusable } = reader;
    if (isLast || !isReusable) {
      socket.destroy();
    }
    if (reply.status === 101) {
      reject(cut('it switches to another protocol instead of a reply'));
    } else {
      resolve({ reply, isTrusted, isReusable: isReusable && !isLast });
    }
  };
  /** @param read passes on what has come. @throws nothing: an error in a socket's event would end the process */
  const take = (read: () => void): void => {
    try {
      read();
      report();
    } catch (cause) {
      fail(cause);
      return;
    }
    if (reader.isDone) {
      finish();
    }
  };
  const onData = (bytes: Uint8Array): void => take(() => reader.push(bytes));
  const onEnd = (): void =>
    take(() => {
      if (!reader.end()) {
        throw cut('it closed the connection without a reply');
      }
    });
  const onError = (cause: NodeJS.ErrnoException): void => {
    // Some boards close without reading the whole request, which resets the connection after their reply.
    if (reader.status !== undefined && cause.code === 'ECONNRESET') {
      onEnd();
    } else {
      fail(cause);
    }
  };
  const abort = (): void => fail(asked.signal.reason);
  const release = (): void => {
    asked.signal.removeEventListener('abort', abort);
    socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onError);
  };
  socket.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onError);
  asked.signal.addEventListener('abort', abort);
  try {
    asked.signal.throwIfAborted();
    const fault = check?.(socket as TLSSocket);
    if (fault) {
      throw fault;
    }
    socket.write(writeRequest(asked, isLast));
  } catch (cause) {
    fail(cause);
  }
  return promise;
}

/** One request on a connection of its own. */
export async function requestOnce(server: HttpServer, asked: HttpRequest): Promise<Answered> {
  return converse(await open(server, asked.signal), server, asked, true);
}

function writeRequest({ method, path, hostHeader, headers, body = '' }: HttpRequest, isLast: boolean): string {
  const hasLength = body !== '' || !BODILESS.includes(method);
  const fields = {
    Host: hostHeader,
    ...headers,
    Connection: isLast ? 'close' : 'keep-alive',
    ...(hasLength && { 'Content-Length': `${Buffer.byteLength(body)}` }),
  };
  const lines = [`${method} ${path} HTTP/1.1`, ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`)];
  if (/\s/.test(path) || lines.some((line) => /[\r\n\0]/.test(line))) {
    throw new PerchError('badInput', `line break or blank in a request to ${hostHeader}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
