import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';

interface ServerRequest {
  readonly url: string;
  /** JSON, sent by POST; undefined: a GET. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** SHA-256 of the server's certificate, 64 lower-case digits; empty: it must be signed by a known authority. */
  readonly fingerprint: string;
  /** Time limit of the whole exchange. */
  readonly timeoutMs: number;
  /** A longer body is cut. */
  readonly limitBytes: number;
  readonly clock: Clock;
}

interface ServerReply {
  readonly status: number;
  readonly text: string;
  readonly isCut: boolean;
}

/** One request on its own connection. Redirects are not followed, but returned. */
export async function requestServer(request: ServerRequest): Promise<ServerReply> {
  const { timeoutMs, clock } = request;
  const done = new AbortController();
  const late = new AbortController();
  void clock.sleep(timeoutMs, done.signal).then(() => late.abort());
  try {
    return await send(request, late.signal);
  } catch (cause) {
    if (late.signal.aborted) {
      throw new PerchError('timeout', `no answer for ${timeoutMs / 1000} s`);
    }
    throw cause instanceof PerchError ? cause : new PerchError('unavailable', 'the request failed', {}, cause);
  } finally {
    done.abort();
  }
}

function send(asked: ServerRequest, signal: AbortSignal): Promise<ServerReply> {
  const { url, body, headers, limitBytes } = asked;
  const { promise, resolve, reject } = Promise.withResolvers<ServerReply>();
  const options: RequestOptions = {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'User-Agent': 'Perch',
      ...headers,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
    },
    agent: false,
    signal,
  };
  const onResponse = (response: IncomingMessage) => {
    read(response, limitBytes).then(resolve, reject);
  };
  const isTls = new URL(url).protocol === 'https:';
  const request = isTls
    ? httpsRequest(url, { ...options, ...pinned(asked, signal) }, onResponse)
    : httpRequest(url, options, onResponse);
  request.on('error', reject);
  request.end(body);
  return promise;
}

/** Checks the certificate before anything is sent, because the request contains a password. */
function pinned({ fingerprint, url }: ServerRequest, signal: AbortSignal): RequestOptions {
  if (fingerprint === '') {
    return {};
  }
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const createConnection: RequestOptions['createConnection'] = (_options, done) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    // The fingerprint replaces the signature check.
    const socket = connect({ host, port: Number(port || 443), ...name, rejectUnauthorized: false });
    const end = () => socket.destroy();
    signal.addEventListener('abort', end, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', end));
    const fail = (error: Error) => done(error, socket);
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.off('error', fail);
      const fault = pinFault(socket, fingerprint);
      if (fault) {
        socket.destroy();
        done(fault, socket);
      } else {
        done(null, socket);
      }
    });
    return undefined;
  };
  // Node uses `createConnection` only without an agent; `false` would create one.
  return { createConnection, agent: undefined };
}

function pinFault(socket: TLSSocket, fingerprint: string): PerchError | undefined {
  const seen = socket.getPeerCertificate().fingerprint256?.replaceAll(':', '').toLowerCase() ?? 'none';
  return seen === fingerprint
    ? undefined
    : new PerchError('unauthorized', `its certificate has the fingerprint ${seen}, expected ${fingerprint}`);
}

async function read(response: IncomingMessage, limitBytes: number): Promise<ServerReply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > limitBytes) {
      response.destroy();
      break;
    }
  }
  const text = Buffer.concat(chunks).subarray(0, limitBytes).toString('utf8');
  return { status: response.statusCode ?? 0, text, isCut: bytes > limitBytes };
}
