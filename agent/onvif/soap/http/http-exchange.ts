import { constants } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { PerchError } from '../../../base/errors.ts';
import { joinSignals } from '../../../base/joined-signal.ts';
import type { HttpReply as BareReply } from '../../../http-client/reply-reader.ts';
import { cut, type HttpServer, requestOnce } from '../../../http-client/request.ts';
import { sharedPins } from './certificate-pins.ts';
import { cameraError, troubleOf } from './failures.ts';
import { type HttpOrigin, hostHeaderOf, hostPortOf, httpOriginOf } from './origin.ts';
import type { CameraConnection } from './persistent-connection.ts';

/** Cameras are in the same network: one that has not accepted the connection by then is absent. */
const CONNECT_MS = 2_000;

/** The end of a SOAP envelope, among the last bytes of its document. */
const ENVELOPE_END = /<\/(?:[\w.-]{1,40}:)?Envelope\s{0,40}>/;
const END_BYTES = 200;

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
  readonly connection?: CameraConnection | undefined;
}

export interface HttpReply extends Pick<BareReply, 'status' | 'headers' | 'body'> {
  /** Over https: whether an authority that this box knows has signed the certificate. Most cameras sign their own. */
  readonly isTrusted: boolean | undefined;
}

/** One request and its whole reply. @throws PerchError unreachable, timeout, badReply, notOnvif */
export async function exchange(asked: HttpRequest): Promise<HttpReply> {
  const deadline = joinSignals([asked.signal], asked.deadlineMs);
  try {
    return await receive(asked, deadline.signal);
  } catch (cause) {
    const name = hostPortOf(asked.origin);
    const { host, port } = asked.origin;
    if (cause instanceof PerchError && !deadline.isLate) {
      throw cause.code === 'badInput' && !troubleOf(cause) ? notHttp(asked.origin, cause) : cause;
    }
    if (deadline.isLate) {
      throw noAnswer(asked.origin, asked.reportedMs ?? asked.deadlineMs);
    }
    if (asked.signal.aborted) {
      throw new PerchError('unavailable', `the call to the camera at ${name} was cancelled`, { host, port });
    }
    const { code = '', message } = cause as NodeJS.ErrnoException;
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

function notHttp(origin: HttpOrigin, cause: PerchError): PerchError {
  const { host, port } = origin;
  const words = `the device at ${hostPortOf(origin)} does not speak HTTP: ${cause.message}`;
  return cameraError('notOnvif', words, { host, port }, cause);
}

type CameraRequest = Pick<
  HttpRequest,
  'origin' | 'method' | 'path' | 'headers' | 'maxBytes' | 'signal' | 'connection'
> & {
  readonly body?: string;
  /** Called when the head of the reply has arrived. */
  readonly onStatus?: (status: number) => void;
};

/** One request to a camera, as it is answered. */
export async function askCamera(asked: CameraRequest): Promise<BareReply & Pick<HttpReply, 'isTrusted'>> {
  const { origin, connection, ...request } = asked;
  const server = serverOf(origin);
  const sent = { ...request, hostHeader: hostHeaderOf(origin) };
  const { reply, isTrusted } = await (connection ? connection.request(server, sent) : requestOnce(server, sent));
  return { ...reply, isTrusted };
}

function serverOf(origin: HttpOrigin): HttpServer {
  const { isSecure, host, port } = origin;
  const place = { host, port, connectMs: CONNECT_MS };
  if (!isSecure) {
    return place;
  }
  // Certificates are self-signed, and old cameras know neither TLS 1.2 nor long keys: `check` looks at the certificate.
  const tls = {
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT@SECLEVEL=0',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  } as const;
  return { ...place, tls, check: (socket: TLSSocket) => sharedPins.failureOf(origin, socket) };
}

async function receive(asked: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
  const reply = await askCamera({ ...asked, signal });
  const { host } = asked.origin;
  if (reply.excess) {
    throw cameraError('badReply', `reply of more than ${asked.maxBytes} bytes`, { host });
  }
  // Some cameras announce more than they send: an envelope that has its end is whole.
  if (
    reply.isShort &&
    reply.status < 300 &&
    !ENVELOPE_END.test(reply.body.toString('latin1', Math.max(0, reply.body.length - END_BYTES)))
  ) {
    throw cut('it closed the connection inside its reply');
  }
  return reply;
}

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
