import { PerchError } from '../../../../base/errors.ts';
import { withJoinedSignal } from '../../../../base/joined-signal.ts';
import { readBody, sendRequest } from '../../../../base/network/http-client.ts';
import { MAX_ANSWER_BYTES } from '../../push/public-https.ts';
import type { SendOptions } from './channel-message.ts';
import { connectionFault, noAnswer, plain } from './fault.ts';

const TIMEOUT_MS = 20_000;

interface HttpMessage {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** Seconds of the `Retry-After` header, or undefined if it is missing or a date. */
  readonly retryAfterS: number | undefined;
}

/** Sends to a URL that the owner has set, also in the local network, without redirects. @throws PerchError if there is no answer */
export function sendHttp(
  { method, url, headers, body }: HttpMessage,
  { ca, timeoutMs = TIMEOUT_MS, signal: stop }: SendOptions,
): Promise<HttpAnswer> {
  return withJoinedSignal([stop], timeoutMs, async ({ signal }) => {
    try {
      const asked = { method, headers: { 'User-Agent': 'Perch', ...headers }, body, ca, signal };
      const response = await sendRequest(url, asked);
      const { bytes } = await readBody(response, MAX_ANSWER_BYTES);
      const retryAfterS = secondsOf(response.headers['retry-after']);
      return { status: response.statusCode ?? 0, text: bytes.toString('utf8'), retryAfterS };
    } catch (cause) {
      throw signal.aborted ? noAnswer(url.host) : connectionFault(url.host, cause);
    }
  });
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
  return text !== undefined && /^\d{1,9}$/.test(text) ? Math.min(3_600, Number(text)) : undefined;
}
