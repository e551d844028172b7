import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { readBody, sendRequest } from '../../base/network/http-client.ts';

interface ServerRequest {
  readonly url: string;
  /** JSON, sent by POST, or undefined for a GET. */
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

async function send(asked: ServerRequest, signal: AbortSignal): Promise<ServerReply> {
  const { url, body, headers, fingerprint, limitBytes } = asked;
  const response = await sendRequest(new URL(url), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'User-Agent': 'Perch', ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    body,
    check: fingerprint === '' ? undefined : (socket) => pinFault(socket, fingerprint),
    signal,
  });
  const { bytes, isCut } = await readBody(response, limitBytes);
  return { status: response.statusCode ?? 0, text: bytes.toString('utf8'), isCut };
}

function pinFault(socket: TLSSocket, fingerprint: string): PerchError | undefined {
  const seen = socket.getPeerCertificate().fingerprint256?.replaceAll(':', '').toLowerCase() ?? 'none';
  return seen === fingerprint
    ? undefined
    : new PerchError('unauthorized', `its certificate has the fingerprint ${seen}, expected ${fingerprint}`);
}
