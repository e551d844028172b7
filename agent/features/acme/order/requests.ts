import { explain } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import { readBody, sendRequest } from '../../../base/network/http-client.ts';
import { acmeFailure } from './failure.ts';
import { problemFailure } from './problem.ts';

const REQUEST_MS = 30_000;
const MAX_ANSWER_BYTES = 1 << 20;
const BAD_NONCE = 'urn:ietf:params:acme:error:badNonce';

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly data: unknown;
}

interface RequestOptions {
  /** Signed JSON. */
  readonly data?: unknown;
}

/**
 * Requests of `acme-client`. Its own ones, by axios, wait for hours where the authority asks for it, and know neither an end of the program
 * nor a longest answer.
 * @param nowMs Unix milliseconds
 */
export function requestsOf(signal: AbortSignal, nowMs: () => number) {
  /** @throws PerchError for an error of the authority, but for a nonce that it does not take: the library repeats such a request */
  return async (address: string, method: string, { data }: RequestOptions = {}): Promise<Answer> => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url?.protocol !== 'https:') {
      throw acmeFailure('authority', `the authority names an address that is no https://: ${address.slice(0, 200)}`);
    }
    const answer = await ask(url, method.toUpperCase(), data, signal);
    const isProblem = answer.status < 200 || answer.status >= 300;
    if (isProblem && (answer.data as { type?: unknown } | undefined)?.type !== BAD_NONCE) {
      throw problemFailure(answer.data, {
        host: url.host,
        status: answer.status,
        retryAfter: answer.headers['retry-after'],
        nowMs: nowMs(),
      });
    }
    return answer;
  };
}

async function ask(url: URL, method: string, data: unknown, signal: AbortSignal): Promise<Answer> {
  return withJoinedSignal([signal], REQUEST_MS, async (joined) => {
    try {
      const response = await sendRequest(url, {
        method,
        headers: { 'Content-Type': 'application/jose+json', 'User-Agent': 'Perch' },
        body: data === undefined ? undefined : JSON.stringify(data),
        signal: joined.signal,
      });
      const { bytes, isCut } = await readBody(response, MAX_ANSWER_BYTES);
      response.destroy();
      if (isCut) {
        throw acmeFailure('authority', `${url.host} answers with more than ${MAX_ANSWER_BYTES} bytes`);
      }
      const { statusCode: status = 0, headers: answered } = response;
      return { status, headers: answered, data: bodyOf(bytes.toString('utf8'), answered['content-type']) };
    } catch (error) {
      throw joined.isLate ? acmeFailure('network', `${url.host} does not answer`) : connectionFailure(url.host, error);
    }
  });
}

function bodyOf(text: string, type = ''): unknown {
  if (!/\bjson\b/.test(type)) {
    return text;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const OF_CLOCK = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

function connectionFailure(host: string, error: unknown): Error {
  const code = String((error as NodeJS.ErrnoException | undefined)?.code ?? '');
  if (OF_CLOCK.has(code)) {
    const fault = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return acmeFailure('clock', `the certificate of ${host} ${fault}: check the clock of this machine`);
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) {
    return acmeFailure('authority', `the certificate of ${host} is not trusted (${code})`);
  }
  if (/^(?:ENOTFOUND|EAI_\w+)$/.test(code)) {
    return acmeFailure('network', `${host} is not found: check the internet connection and DNS of this machine`);
  }
  if (error instanceof Error && 'context' in error) {
    return error;
  }
  return acmeFailure('network', `${host} cannot be reached (${code || explain(error)})`);
}
