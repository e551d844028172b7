import { anySignal } from './any-signal.ts';

/** The device said no, or could not be reached. `status` is HTTP's; 0: no answer came. */
export class RequestError extends Error {
  override readonly name = 'BoxError';
  readonly status: number;
  /** When to come again, in seconds, if the device said so. */
  readonly retryAfterS: number | undefined;
  /** The reason in one word, if the device has one for it. */
  readonly why: string | undefined;

  constructor(status: number, message: string, retryAfterS?: number, why?: string) {
    super(message);
    this.status = status;
    this.retryAfterS = retryAfterS;
    this.why = why;
  }
}

const ANSWER_LIMIT_MS = 15_000;

/** The browser's own dialog for name and password must not cover the page: the device looks for this. */
export const UI_HEADER = { 'X-Perch-UI': '1' } as const;

interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: object;
  readonly signal?: AbortSignal;
  readonly limitMs?: number;
}

/** Fetches JSON. Addresses are relative to the page, so that it works below a proxy's sub-folder. */
export async function fetchJson<T>(
  address: string,
  { method = 'GET', body, signal, limitMs = ANSWER_LIMIT_MS }: RequestOptions = {},
): Promise<T> {
  const json = body ? { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) } : {};
  const response = await send(address, { method, ...json, ...(signal && { signal }) }, limitMs);
  return (await okResponse(response)).json() as Promise<T>;
}

/** @throws RequestError with status 0 if there is no answer; other statuses are for the caller to check */
export async function send(address: string, options: RequestInit, limitMs = ANSWER_LIMIT_MS): Promise<Response> {
  const limit = AbortSignal.timeout(limitMs);
  try {
    return await fetch(address, {
      ...options,
      headers: { ...UI_HEADER, ...options.headers },
      cache: 'no-store',
      signal: options.signal ? anySignal(options.signal, limit) : limit,
    });
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

/** The reason that stands in the device's answer: `{"status":"error","error":"text","why":"word"}`. */
export async function errorFromResponse(response: Response): Promise<RequestError> {
  const body = (await response.json().catch(() => undefined)) as { error?: unknown; why?: string } | undefined;
  const { status, headers } = response;
  const text = typeof body?.error === 'string' ? body.error : `HTTP status ${status}`;
  return new RequestError(status, text, Number(headers.get('Retry-After')) || undefined, body?.why);
}
