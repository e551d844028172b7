import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

/** @returns why nothing may be sent to the server with this certificate */
type CertificateCheck = (socket: TLSSocket) => Error | undefined;

interface HttpRequest extends Pick<RequestOptions, 'method' | 'headers' | 'lookup' | 'signal'> {
  readonly body?: string | Uint8Array | undefined;
  /** CA certificates in PEM; default: the well-known authorities. */
  readonly ca?: string | undefined;
  /** Replaces the check of the issuer. */
  readonly check?: CertificateCheck | undefined;
}

/** One request on its own connection. Redirects are returned. The caller reads or destroys the response. @throws the socket's error */
export function sendRequest(url: URL, { body, check, ca, ...options }: HttpRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const isTls = url.protocol === 'https:';
  const send = isTls ? requestTls : requestPlain;
  const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
  const request = send(url, {
    ...options,
    headers: { ...options.headers, ...length },
    ...(ca !== undefined && { ca }),
    ...(check && isTls ? checkedConnection(url, check, options.signal) : { agent: false }),
  });
  request.on('response', resolve).on('error', reject);
  request.on('close', () => reject(new Error('the connection was closed without an answer')));
  request.end(body);
  return promise;
}

/** Node uses `createConnection` only without an agent; `false` would create one. */
const checkedConnection = (url: URL, check: CertificateCheck, signal: AbortSignal | undefined): RequestOptions => ({
  agent: undefined,
  createConnection: (_options, done) => {
    const place = { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || 443) };
    connectChecked(place, check, signal).then(
      (socket) => done(null, socket),
      (error: Error) => done(error, undefined as never),
    );
    return undefined;
  },
});

export interface TlsPlace {
  readonly host: string;
  readonly port: number;
  /** Name that the server is asked for (SNI); empty: none. Default: the host. */
  readonly servername?: string;
}

/** Connects by TLS; nothing is sent before the check, because a request may contain a password. @throws the socket's error; that of `check` */
export function connectChecked(place: TlsPlace, check: CertificateCheck, signal?: AbortSignal): Promise<TLSSocket> {
  const { host, port } = place;
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  // SNI has no IP addresses (RFC 6066 §3).
  const servername = place.servername ?? (isIP(host) === 0 ? host : '');
  const socket = connect({ host, port, servername, rejectUnauthorized: false });
  const abort = (): unknown => socket.destroy(signal?.reason);
  signal?.addEventListener('abort', abort);
  socket.once('close', () => signal?.removeEventListener('abort', abort));
  // Stays: an error of an idle connection is none of the process.
  socket.on('error', reject);
  socket.once('secureConnect', () => {
    const fault = check(socket);
    if (fault) {
      socket.destroy(fault);
    } else {
      socket.setNoDelay(true);
      resolve(socket);
    }
  });
  if (signal?.aborted) {
    abort();
  }
  return promise;
}

/** The first `maxBytes` of a body, as they arrive; the rest is not read. */
export async function readBody(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<{ bytes: Buffer; isCut: boolean }> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBytes) {
      break;
    }
  }
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), isCut: bytes > maxBytes };
}
