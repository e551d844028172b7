import { either } from './any-signal.ts';

/** The box said no, or could not be reached. `status` is HTTP's; 0: no answer came. */
export class BoxError extends Error {
  override readonly name = 'BoxError';
  readonly status: number;
  /** When to come again, in seconds, if the box said so. */
  readonly retryAfterS: number | undefined;
  /** The reason in one word, if the box has one for it. */
  readonly why: string | undefined;

  constructor(status: number, message: string, retryAfterS?: number, why?: string) {
    super(message);
    this.status = status;
    this.retryAfterS = retryAfterS;
    this.why = why;
  }
}

const ANSWER_LIMIT_MS = 15_000;

/** The browser's own dialog for name and password must not cover the page: the box looks for this. */
export const UI_HEADER = { 'X-Perch-UI': '1' } as const;

export interface AskOptions {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: object;
  readonly signal?: AbortSignal;
  readonly limitMs?: number;
}

/** Asks the box for JSON. Addresses are relative to the page, so that it works below a proxy's sub-folder. */
export async function ask<T>(address: string, options: AskOptions = {}): Promise<T> {
  const response = await send(address, options);
  if (!response.ok) {
    throw await errorOf(response);
  }
  return (await response.json()) as T;
}

async function send(
  address: string,
  { method = 'GET', body, signal, limitMs = ANSWER_LIMIT_MS }: AskOptions,
): Promise<Response> {
  const limit = AbortSignal.timeout(limitMs);
  try {
    return await fetch(address, {
      method,
      headers: body ? { ...UI_HEADER, 'Content-Type': 'application/json' } : UI_HEADER,
      ...(body ? { body: JSON.stringify(body) } : {}),
      cache: 'no-store',
      signal: signal ? either(signal, limit) : limit,
    });
  } catch {
    throw new BoxError(0, 'the box does not answer');
  }
}

/** The reason that stands in the box's answer: `{"status":"error","error":"text","why":"word"}`. */
export async function errorOf(response: Response): Promise<BoxError> {
  const body = (await response.json().catch(() => undefined)) as { error?: unknown; why?: string } | undefined;
  const { status, headers } = response;
  const text = typeof body?.error === 'string' ? body.error : `the box answered ${status}`;
  return new BoxError(status, text, Number(headers.get('Retry-After')) || undefined, body?.why);
}
