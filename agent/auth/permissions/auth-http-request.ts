import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';

export interface Question {
  readonly url: string;
  /** JSON, sent by POST; undefined: a GET. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** SHA-256 of the server's certificate, 64 digits in lower case; empty: it must be signed by somebody known. */
  readonly fingerprint: string;
  /** For the whole of it. */
  readonly timeoutMs: number;
  /** Of the answer's body; what is longer is cut. */
  readonly limitBytes: number;
  readonly clock: Clock;
}

export interface ServerAnswer {
  readonly status: number;
  readonly text: string;
  readonly isCut: boolean;
}

/** Asks another server, over one connection of its own. Redirects are not followed: they are an answer like any other. */
export async function askServer(question: Question): Promise<ServerAnswer> {
  const { timeoutMs, clock } = question;
  const done = new AbortController();
  const late = new AbortController();
  void clock.sleep(timeoutMs, done.signal).then(() => late.abort());
  try {
    return await ask(question, late.signal);
  } catch (cause) {
    if (late.signal.aborted) {
      throw new PerchError('timeout', `no answer for ${timeoutMs / 1000} s`);
    }
    throw cause instanceof PerchError ? cause : new PerchError('unavailable', 'it cannot be asked', {}, cause);
  } finally {
    done.abort();
  }
}

function ask(question: Question, signal: AbortSignal): Promise<ServerAnswer> {
  const { url, body, headers, limitBytes } = question;
  const { promise, resolve, reject } = Promise.withResolvers<ServerAnswer>();
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
    ? httpsRequest(url, { ...options, ...pinned(question, signal) }, onResponse)
    : httpRequest(url, options, onResponse);
  request.on('error', reject);
  request.end(body);
  return promise;
}

/** The certificate is looked at before anything is sent: what is asked holds a password. */
function pinned({ fingerprint, url }: Question, signal: AbortSignal): RequestOptions {
  if (fingerprint === '') {
    return {};
  }
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const createConnection: RequestOptions['createConnection'] = (_options, done) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    // Whoever signed it: the fingerprint says more than a signature.
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
  // Node uses it only where there is no agent; `false` would make one.
  return { createConnection, agent: undefined };
}

function pinFault(socket: TLSSocket, fingerprint: string): PerchError | undefined {
  const seen = socket.getPeerCertificate().fingerprint256?.replaceAll(':', '').toLowerCase() ?? 'none';
  return seen === fingerprint
    ? undefined
    : new PerchError('unauthorized', `its certificate has the fingerprint ${seen}, expected ${fingerprint}`);
}

async function read(response: IncomingMessage, limitBytes: number): Promise<ServerAnswer> {
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
