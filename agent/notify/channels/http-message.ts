import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { PerchError } from '../../base/errors.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import { readAnswer } from '../push/public-https.ts';
import type { SendOptions } from './channel-message.ts';
import { connectionFault, noAnswer, plain } from './fault.ts';

const TIMEOUT_MS = 20_000;
const MAX_RETRY_AFTER_S = 3_600;

interface HttpMessage {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** Seconds of the `Retry-After` header; undefined: no header, or a date. */
  readonly retryAfterS: number | undefined;
}

/** Sends to a URL that the owner has set, also in the local network, without redirects. @throws PerchError if there is no answer */
export function sendHttp(
  message: HttpMessage,
  { ca, timeoutMs = TIMEOUT_MS, signal }: SendOptions,
): Promise<HttpAnswer> {
  return withJoinedSignal([signal], timeoutMs, (joined) => exchange(message, joined.signal, ca));
}

function exchange(
  { method, url, headers, body }: HttpMessage,
  signal: AbortSignal,
  ca: string | undefined,
): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const fail = (cause: unknown): void => reject(signal.aborted ? noAnswer(url.host) : connectionFault(url.host, cause));
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method,
    agent: false,
    signal,
    headers: { 'User-Agent': 'Perch', ...headers, ...(body && { 'Content-Length': String(body.length) }) },
    ...(ca !== undefined && { ca }),
  });
  request.on('error', fail);
  request.on('response', (response) => {
    const { statusCode = 0, headers: received } = response;
    const retryAfterS = secondsOf(received['retry-after']);
    readAnswer(response).then((text) => resolve({ status: statusCode, text, retryAfterS }), fail);
  });
  request.end(body);
  return promise;
}

/** @throws PerchError unless the answer is 2xx */
export function checkAnswer({ host }: URL, { status, text, retryAfterS }: HttpAnswer): void {
  if (status >= 200 && status < 300) {
    return;
  }
  const words = plain(text) === '' ? '' : `: ${plain(text)}`;
  if (status === 401 || status === 403) {
    throw new PerchError('unauthorized', `${host} rejects the token or password (${status})${words}`);
  }
  if (status >= 300 && status < 400) {
    throw new PerchError('unsupported', `${host} redirects (${status}): set the address that it names`);
  }
  if (status === 429) {
    throw new PerchError('exhausted', `${host} has received too many messages (429)${words}`, { retryAfterS });
  }
  if (status >= 500 || status === 408 || status === 425) {
    throw new PerchError('unavailable', `${host} has a fault of its own (${status})${words}`, { retryAfterS });
  }
  throw new PerchError('badInput', `${host} rejects the message (${status})${words}`, { isTooLarge: status === 413 });
}

/** Parses `Retry-After`, which has seconds or a date (RFC 9110 §10.2.3); dates are ignored. */
function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Math.min(MAX_RETRY_AFTER_S, Number(text)) : undefined;
}
