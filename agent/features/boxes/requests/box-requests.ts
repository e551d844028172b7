import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { addCount } from '../../../base/count-map.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { parseJson, readBytes, readJson } from './box-answers.ts';

/** Signed requests to paired boxes. */
export interface BoxClient {
  /** Resolves with the head of the answer. @throws PerchError if the box does not answer, or is not paired */
  request(
    box: string,
    method: 'GET' | 'HEAD' | 'POST' | 'PATCH',
    path: string,
    options: {
      readonly body?: string;
      readonly query?: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly signal: AbortSignal;
      readonly isWatched: boolean;
      readonly isBackground: boolean;
      readonly isShort: boolean;
    },
  ): Promise<BoxAnswer>;
  /** A request that was sent at this monotonic time has no answer, or none that ends. */
  noteSilence(box: string, sentMs: number): void;
  /** Undefined if the box is not paired. */
  item(box: string): { readonly name: string; readonly state: string; readonly sinceMs: number } | undefined;
}

export interface BoxAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

interface BoxRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PATCH';
  /** JSON. */
  readonly body?: string;
  /** Encoded path of the URL, without the query. */
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Whether the answer is short and has an end, so that the bus of a fleet may carry it. */
  readonly isShort?: boolean;
  /** Time limit for the head of the answer. */
  readonly limitMs?: number;
  /** Time limit from the head to the end of an answer that is read as a whole. */
  readonly bodyMs?: number;
}

export const MAX_ANSWER_MS = 2_000;
/** Timelines from Perch stay below 40 kB, presets and outputs below 100 kB. */
export const MAX_JSON_BYTES = 256 << 10;
/** Maximum number of concurrent requests to one box. */
const MAX_REQUESTS = 64;
/** Characters of a box's message that log lines and pages must not contain. */
const UNSHOWN = /[^\x20-\x7e\xa0-\uffff]/g;

/** Requests to boxes. Nothing waits for a box that is away. */
export class BoxRequests {
  readonly #client: BoxClient;
  readonly #clock: Clock;
  /** Number of running requests by box. */
  readonly #running = new Map<string, number>();

  constructor(client: BoxClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /**
   * The answer, with a status below 400 or 416. The caller reads or destroys its body.
   * @param isBackground an absent box is not tried sooner for it
   * @throws PerchError notFound, badInput, exhausted, or unavailable with `since` for a box that is away
   */
  async ask(box: string, request: BoxRequest, isBackground = false): Promise<BoxAnswer> {
    if ((this.#running.get(box) ?? 0) >= MAX_REQUESTS) {
      throw new PerchError('exhausted', `${MAX_REQUESTS} requests to box '${this.#nameOf(box)}' are running`, {
        retryAfterS: 1,
      });
    }
    addCount(this.#running, box, 1);
    let answer: BoxAnswer | undefined;
    try {
      answer = await this.#send(box, request, isBackground);
    } finally {
      if (answer === undefined) {
        addCount(this.#running, box, -1);
      }
    }
    whenClosed(answer.body, () => addCount(this.#running, box, -1));
    if (answer.status >= 400 && answer.status !== 416) {
      throw await refusalOf(this.#nameOf(box), answer);
    }
    return answer;
  }

  /** The checked JSON of an answer. @throws PerchError as `ask`, and unavailable for an answer that is not valid */
  async json<T>(box: string, request: BoxRequest, maxBytes: number, read: (answer: unknown) => T): Promise<T> {
    const { body } = await this.ask(box, { ...request, isShort: true });
    return this.read(box, body, maxBytes, (bytes) => read(parseJson(bytes)), request);
  }

  /** The checked bytes of an answer. @throws PerchError unavailable for one that is not valid, or takes too long */
  async read<T>(
    box: string,
    body: Readable,
    maxBytes: number,
    read: (bytes: Buffer) => T,
    { signal, bodyMs = 10_000 }: Pick<BoxRequest, 'signal' | 'bodyMs'> = {},
  ): Promise<T> {
    const bytes = await this.#bytes(box, body, maxBytes, signal, bodyMs);
    try {
      return read(bytes);
    } catch (error) {
      throw error instanceof PerchError ? this.invalid(box, error) : error;
    }
  }

  async #bytes(
    box: string,
    body: Readable,
    maxBytes: number,
    signal: AbortSignal | undefined,
    limitMs: number,
  ): Promise<Buffer> {
    const sentMs = this.#clock.monoMs();
    const late = new PerchError('timeout', `no end of an answer within ${limitMs / 1000} s`);
    const inTime = after(this.#clock, limitMs, () => body.destroy(late));
    try {
      return await readBytes(body, maxBytes);
    } catch (error) {
      if (signal?.aborted) {
        throw error;
      }
      if (error instanceof PerchError && error !== late) {
        throw this.invalid(box, error);
      }
      this.#client.noteSilence(box, sentMs);
      throw this.#failure(box, error);
    } finally {
      inTime();
      body.destroy();
    }
  }

  /** The error for an invalid answer of the box. */
  invalid(box: string, cause: unknown): PerchError {
    const message = `box '${this.#nameOf(box)}' answered with ${explain(cause)}`;
    return new PerchError('unavailable', message, { box, why: 'boxFault' }, cause);
  }

  async #send(box: string, request: BoxRequest, isBackground: boolean): Promise<BoxAnswer> {
    const { method = 'GET', path, query, body, headers = {}, signal } = request;
    const { isShort = false, limitMs = MAX_ANSWER_MS } = request;
    const sentMs = this.#clock.monoMs();
    const late = new PerchError('timeout', `no answer within ${limitMs / 1000} s`);
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    signal?.addEventListener('abort', abort, { once: true });
    const inTime = after(this.#clock, limitMs, () => stop.abort(late));
    try {
      const text = query?.toString();
      const watched = { signal: stop.signal, isWatched: true, isBackground, isShort };
      const options = { ...(text && { query: text }), ...(body !== undefined && { body }), headers, ...watched };
      const answer = await unlessAborted(this.#client.request(box, method, path, options), stop.signal);
      whenClosed(answer.body, () => signal?.removeEventListener('abort', abort));
      // A reader of the body gets the error; without a reader it is ignored.
      answer.body.on('error', () => {});
      return answer;
    } catch (error) {
      signal?.removeEventListener('abort', abort);
      // A request that its client aborted is no failure of the box.
      if (signal?.aborted) {
        throw error;
      }
      if (stop.signal.aborted) {
        this.#client.noteSilence(box, sentMs);
      }
      throw this.#failure(box, stop.signal.aborted ? late : error);
    } finally {
      inTime();
    }
  }

  /** The error for a request without an answer, by the state of the box. */
  #failure(box: string, cause: unknown): PerchError {
    const item = this.#client.item(box);
    if (!item) {
      return new PerchError('unavailable', `box '${box}' is not paired`, { box, why: 'boxUnknown' }, cause);
    }
    // Such failures are expected, and are logged as those of cameras.
    const facts = { box, camera: 'unreachable' };
    if (item.state !== 'away' && item.state !== 'refused') {
      const words = `box '${item.name}': ${explain(cause)}`;
      return new PerchError('unavailable', words, { ...facts, why: 'boxFault' }, cause);
    }
    const since = new Date(item.sinceMs).toISOString();
    const [why, words] = item.state === 'refused' ? ['boxRefuses', 'refuses this server'] : ['boxAway', 'is away'];
    const text = `box '${item.name}' ${words} since ${since}`;
    // The link may have said the same, with the reason.
    const isSaid = cause instanceof PerchError && cause.message.startsWith(text);
    const context = { ...facts, why, since };
    return isSaid
      ? new PerchError('unavailable', cause.message, context)
      : new PerchError('unavailable', text, context, cause);
  }

  /** Name of the box, for messages. */
  #nameOf = (box: string): string => this.#client.item(box)?.name ?? box;
}

/** Calls `work` after a time, unless the returned function is called before. */
export function after(clock: Clock, ms: number, work: () => void): () => void {
  const stop = new AbortController();
  void clock.sleep(ms, stop.signal).then(() => stop.signal.aborted || work());
  return () => stop.abort();
}

/** Rejects on abort, even if the client ignores the signal. */
async function unlessAborted(answer: Promise<BoxAnswer>, signal: AbortSignal): Promise<BoxAnswer> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([answer, aborted.promise]);
  } catch (error) {
    answer.then(
      ({ body }) => body.destroy(),
      () => {},
    );
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function whenClosed(body: Readable, done: () => void): void {
  if (body.closed) {
    done();
  } else {
    body.once('close', done);
  }
}

async function refusalOf(box: string, { status, headers, body }: BoxAnswer): Promise<PerchError> {
  const answer = await readJson(body, 4_096).catch(() => undefined);
  body.destroy();
  const { error } = (answer ?? {}) as { readonly error?: unknown };
  const said = typeof error === 'string' ? error.replace(UNSHOWN, ' ').slice(0, 200) : `status ${status}`;
  if (status === 404) {
    return new PerchError('notFound', said, { box });
  }
  if (status === 400) {
    return new PerchError('badInput', said, { box });
  }
  if (status === 501) {
    return new PerchError('unsupported', said, { box });
  }
  if (status === 429) {
    const retryAfterS = Math.min(Math.max(Number(headers['retry-after']) || 1, 1), 3_600);
    return new PerchError('exhausted', `box '${box}': ${said}`, { box, retryAfterS });
  }
  const why = status === 401 || status === 403 ? 'boxRefuses' : 'boxFault';
  return new PerchError('unavailable', `box '${box}': ${said}`, { box, why });
}
