import { anySignal } from './any-signal.ts';
import { takeEarlyAnswer } from './early-answers.ts';

/** The box has rejected a request, or did not answer. `status` is the HTTP status; 0: no response. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;
  /** Seconds from `Retry-After`. */
  readonly retryAfterS: number | undefined;
  /** Reason as a word for programs. */
  readonly why: string | undefined;

  constructor(status: number, message: string, retryAfterS?: number, why?: string) {
    super(message);
    this.status = status;
    this.retryAfterS = retryAfterS;
    this.why = why;
  }
}

const MAX_ANSWER_MS = 15_000;

/** Tells the box not to challenge, so that no browser dialog covers the page. */
export const UI_HEADER = { 'X-Perch-UI': '1' } as const;

/** One change, which may take several requests. */
export interface Change {
  /** In effect until the next start of the box only: it could not write its configuration file. */
  isUnsaved: boolean;
}

/** `onOther`: unlike the one before, the latest change is (or is not) in effect until the next start only. */
export const lastChange: Change & { onOther?: () => void } = { isUnsaved: false };

interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: object;
  readonly signal?: AbortSignal;
  readonly limitMs?: number;
  readonly change?: Change | undefined;
}

/** Addresses are relative to the page, so that it works below a proxy's sub-folder. */
export async function fetchJson<T>(
  address: string,
  { method = 'GET', body, signal, limitMs = MAX_ANSWER_MS, change }: RequestOptions = {},
): Promise<T> {
  const json = body ? { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) } : {};
  const response = await send(address, { method, ...json, ...(signal && { signal }) }, limitMs, change);
  return (await okResponse(response)).json() as Promise<T>;
}

/** @throws RequestError with status 0 if there is no response; the caller checks other statuses */
export async function send(
  address: string,
  options: RequestInit,
  limitMs = MAX_ANSWER_MS,
  change?: Change,
): Promise<Response> {
  const limit = AbortSignal.timeout(limitMs);
  try {
    const early = options.method === 'GET' ? takeEarlyAnswer(address) : undefined;
    const response = await (early ??
      fetch(address, {
        ...options,
        headers: { ...UI_HEADER, ...options.headers },
        cache: 'no-store',
        signal: options.signal ? anySignal(options.signal, limit) : limit,
      }));
    if (options.method !== undefined && options.method !== 'GET') {
      const isUnsaved = response.headers.has('Perch-Unsaved');
      if (change) {
        change.isUnsaved ||= isUnsaved;
      }
      if (isUnsaved !== lastChange.isUnsaved) {
        lastChange.isUnsaved = isUnsaved;
        lastChange.onOther?.();
      }
    }
    return response;
  } catch {
    throw new RequestError(0, 'no answer');
  }
}

/** @throws RequestError unless the status is 2xx */
export async function okResponse(response: Response): Promise<Response> {
  if (!response.ok) {
    throw await errorFromResponse(response);
  }
  return response;
}

/** The error in the body of a response: `{"status":"error","error":"text","why":"word"}`. */
export async function errorFromResponse(response: Response): Promise<RequestError> {
  const body = (await response.json().catch(() => undefined)) as { error?: unknown; why?: string } | undefined;
  const { status, headers } = response;
  const text = typeof body?.error === 'string' ? body.error : `HTTP status ${status}`;
  return new RequestError(status, text, Number(headers.get('Retry-After')) || undefined, body?.why);
}
