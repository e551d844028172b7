import { constants } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { PerchError } from '../../../base/errors.ts';
import { joinSignals } from '../../../base/joined-signal.ts';
import { sharedPins } from './certificate-pins.ts';
import { cameraError } from './failures.ts';
import { type HttpOrigin, hostHeaderOf, hostPortOf, httpOriginOf } from './origin.ts';
import type { PersistentConnection } from './persistent-connection.ts';

/** Cameras are in the same network: one that has not accepted the connection by then is absent. */
const CONNECT_MS = 2_000;

const CAUSES: Record<string, string> = {
  ECONNREFUSED: 'it refuses the connection: check address and port, and that ONVIF is on in the camera',
  EHOSTUNREACH: 'nothing answers there: is it on?',
  EHOSTDOWN: 'nothing answers there: is it on?',
  ETIMEDOUT: 'nothing answers there: is it on?',
  ENETUNREACH: 'there is no network to it',
  EADDRNOTAVAIL: 'there is no network to it',
  ENOTFOUND: 'no device with this name is known',
  EAI_AGAIN: 'the name cannot be looked up now',
  ECONNRESET: 'it broke the connection',
  EPIPE: 'it broke the connection',
  EPROTO: 'it does not speak https there',
};

export interface HttpRequest {
  readonly origin: HttpOrigin;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly maxBytes: number;
  /** From the first byte to the last: an idle timeout would never end a camera that sends a byte a second. */
  readonly deadlineMs: number;
  /** The deadline that errors state, if this is one request of several. */
  readonly reportedMs?: number;
  readonly signal: AbortSignal;
  /** Default: a new connection that ends with the reply, because some boards fail on reuse. */
  readonly connection?: PersistentConnection | undefined;
}

export interface HttpReply {
  readonly status: number;
  /** Values of repeated headers stay apart: joined with commas, challenges are ambiguous. */
  readonly headers: NodeJS.Dict<string[]>;
  readonly body: Buffer;
  /** Over https: whether an authority that this box knows has signed the certificate. Most cameras sign their own. */
  readonly isTrusted: boolean | undefined;
}

/** One request and its whole reply. @throws PerchError unreachable, timeout, badReply, notOnvif */
export async function exchange(asked: HttpRequest): Promise<HttpReply> {
  const deadline = joinSignals([asked.signal], asked.deadlineMs);
  try {
    return await receive(asked, deadline.signal);
  } catch (cause) {
    if (cause instanceof PerchError) {
      throw cause;
    }
    const name = hostPortOf(asked.origin);
    const { host, port } = asked.origin;
    if (deadline.isLate) {
      throw noAnswer(asked.origin, asked.reportedMs ?? asked.deadlineMs);
    }
    if (asked.signal.aborted) {
      throw new PerchError('unavailable', `the call to the camera at ${name} was cancelled`, { host, port });
    }
    const { code = '', message } = cause as NodeJS.ErrnoException;
    if (code.startsWith('HPE_')) {
      throw cameraError('notOnvif', `the device at ${name} does not speak HTTP`, { host, port });
    }
    const reason = CAUSES[code.startsWith('ERR_SSL') ? 'EPROTO' : code] ?? message;
    throw cameraError('unreachable', `cannot reach the camera at ${name}: ${reason}`, { host, port, errno: code });
  } finally {
    deadline.release();
  }
}

export function noAnswer(origin: HttpOrigin, withinMs: number): PerchError {
  const { host, port } = origin;
  return cameraError('timeout', `no answer from the camera at ${hostPortOf(origin)} within ${withinMs / 1000} s`, {
    host,
    port,
  });
}

/** Opens a request without ending it; also for callers that stream the reply. */
export function openRequest(
  asked: Omit<HttpRequest, 'maxBytes' | 'deadlineMs' | 'reportedMs' | 'body'>,
): ClientRequest {
  const { isSecure, host, port } = asked.origin;
  const kept = asked.connection?.agentFor(asked.origin);
  const options = {
    host,
    port,
    path: asked.path,
    method: asked.method,
    agent: kept ?? (false as const),
    headers: {
      Host: hostHeaderOf(asked.origin),
      ...asked.headers,
      Connection: kept ? 'keep-alive' : 'close',
    },
    signal: asked.signal,
  };
  if (!isSecure) {
    return requestHttp(options);
  }
  return requestHttps({
    ...options,
    servername: isIP(host) === 0 ? host : '',
    // Certificates are self-signed, and old cameras know neither TLS 1.2 nor long keys: `endRequest` checks the certificate.
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT@SECLEVEL=0',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  });
}

function receive(asked: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const sent = openRequest({ ...asked, signal });
    let isTrusted: boolean | undefined;
    let isAnswered = false;
    sent.on('error', reject);
    sent.on('socket', (socket) => {
      limitConnecting(sent, socket, asked.origin.isSecure);
      if (sent.reusedSocket) {
        isTrusted = (socket as TLSSocket).authorized;
        return;
      }
      socket.once('secureConnect', () => {
        isTrusted = (socket as TLSSocket).authorized;
      });
    });
    // Also without an error: Node reports nothing else for a reply that switches protocols.
    sent.on('close', () => {
      if (!isAnswered) {
        reject(cut('it closed the connection without a reply'));
      }
    });
    sent.on('response', (response) => {
      isAnswered = true;
      collect(sent, response, asked).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headersDistinct, body, isTrusted }),
        reject,
      );
    });
    endRequest(sent, asked.origin, asked.body);
  });
}

/** Sends an opened request; over https only after the certificate has been checked. */
export function endRequest(sent: ClientRequest, origin: HttpOrigin, body = ''): void {
  if (!origin.isSecure) {
    sent.end(body);
    return;
  }
  sent.once('socket', (socket) => {
    const check = () => {
      const failure = sharedPins.failureOf(origin, socket as TLSSocket);
      if (failure) {
        sent.destroy(failure);
      } else {
        sent.end(body);
      }
    };
    if (sent.reusedSocket) {
      check();
    } else {
      socket.once('secureConnect', check);
    }
  });
}

/** Limits the time of connecting: TCP's own timeout is two minutes. */
export function limitConnecting(sent: ClientRequest, socket: Socket, isSecure: boolean): void {
  if (sent.reusedSocket) {
    return;
  }
  const late = (): unknown => sent.destroy(Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' }));
  const timer = setTimeout(late, CONNECT_MS);
  socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(timer));
  socket.once('close', () => clearTimeout(timer));
}

function collect(sent: ClientRequest, response: IncomingMessage, { maxBytes, origin }: HttpRequest): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('error', reject);
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxBytes) {
        sent.destroy();
        reject(cameraError('badReply', `reply of more than ${maxBytes} bytes`, { host: origin.host }));
      }
    });
    response.on('end', () => resolve(Buffer.concat(chunks)));
    response.on('close', () => reject(cut('it closed the connection inside its reply')));
  });
}

const cut = (words: string): Error => Object.assign(new Error(words), { code: 'ECUT' });

const REDIRECTS = [301, 302, 307, 308];

/** The target of a redirect, usually from http to https. Never another host, and never from https to http. */
export function redirectOf(
  { status, headers }: HttpReply,
  from: HttpOrigin,
  path: string,
): { readonly origin: HttpOrigin; readonly path: string } | undefined {
  const location = headers['location']?.[0];
  if (!REDIRECTS.includes(status) || location === undefined) {
    return undefined;
  }
  const base = new URL(`${from.isSecure ? 'https' : 'http'}://${hostHeaderOf(from)}${path}`);
  const url = URL.canParse(location, base) ? new URL(location, base) : undefined;
  if (url?.hostname !== base.hostname || (url.protocol !== 'https:' && url.protocol !== base.protocol)) {
    const words = 'the camera redirects to another host or to http, which is not followed';
    throw cameraError('badReply', words, { host: hostPortOf(from), status });
  }
  return { origin: { ...httpOriginOf(url), host: from.host }, path: url.pathname + url.search };
}
