import { type KeyObject, randomBytes } from 'node:crypto';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type RequestOptions, request as requestByTls } from 'node:https';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { isBoxAddress } from '../../../auth/pairing/invitation-text.ts';
import {
  asksForBox,
  boxNameOf,
  MAX_SIGNATURE_S,
  RUN_HEADER,
  signMessage,
  TIME_HEADER,
} from '../../../auth/pairing/message-signature.ts';
import { digestOf } from '../../../auth/pairing/signed-requests.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { type JoinedSignal, joinSignals } from '../../../base/joined-signal.ts';
import { readBody } from '../../../base/network/http-client.ts';
import { connectPinned, PinnedAgent } from './pinned-connection.ts';

const CONNECT_MS = 5_000;
const ANSWER_MS = 15_000;
/** Longest pause in a response body, because a box that lost its power does not end it. */
const SILENCE_MS = 30_000;
const NONCE_BYTES = 16;

export interface BoxRequest {
  /** Query of the URL, without `?`. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Request body, JSON. */
  readonly body?: string;
  /** Aborts the request, and the body of its response. */
  readonly signal?: AbortSignal;
  /** Whether the caller itself notices a body that stops, because a pause of the reader is no fault of the box. */
  readonly isWatched?: boolean;
  /** Whether the request is background work, for which an unreachable box is not tried sooner. */
  readonly isBackground?: boolean;
}

export interface BoxResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Response body, which the caller has to read or destroy. */
  readonly body: Readable;
}

/** A connection that the box has switched to another protocol. */
export interface BoxUpgrade {
  readonly socket: TLSSocket;
  /** Bytes received with the response. */
  readonly head: Uint8Array;
  readonly headers: IncomingHttpHeaders;
}

interface BoxIdentity {
  /** Id that the box has given to this server, and this server's key. */
  readonly id: string;
  readonly key: KeyObject;
  /** Id of the box. */
  readonly box: string;
  /** Whether the box has asked for signatures that name it before. */
  readonly namesBox?: boolean | undefined;
  /** Called when the box asks for them for the first time. */
  readonly onNamesBox?: () => void;
}

interface BoxClientOptions {
  readonly pin: string;
  /** Undefined: not paired yet, and requests are not signed. */
  readonly identity?: BoxIdentity;
  readonly clock: Clock;
}

/** Signed requests to one box, over TLS with its pinned certificate. */
export class BoxClient {
  readonly #options: BoxClientOptions;
  #agent: PinnedAgent | undefined;
  #address = '';
  /** Identifies the current run of the box's program (header `perch-run`); empty: not known yet. */
  #run = '';
  /** The box's time minus our monotonic time, in milliseconds. */
  #offsetMs = 0;
  #namesBox: boolean;

  constructor(options: BoxClientOptions) {
    this.#options = options;
    this.#namesBox = options.identity?.namesBox ?? false;
  }

  /** Address in use, `host:port`; empty: none. */
  get address(): string {
    return this.#address;
  }

  /** Uses the first address at which the box answers. @throws PerchError unavailable, unauthorized: another device answers */
  async connect(addresses: readonly string[], stop?: AbortSignal): Promise<void> {
    const found = new AbortController();
    const joined = joinSignals([found.signal, ...(stop ? [stop] : [])], CONNECT_MS);
    const attempts = addresses.filter(isBoxAddress).map(async (address) => {
      const socket = await connectPinned(address, this.#options.pin, joined.signal);
      socket.destroy();
      return address;
    });
    try {
      this.#use(await Promise.any(attempts));
    } catch (error) {
      throw worst((error as AggregateError).errors);
    } finally {
      found.abort();
      joined.release();
    }
  }

  /** Notes the box's run and time from its response. */
  #learn(headers: IncomingHttpHeaders): boolean {
    const [run, time] = [headers[RUN_HEADER], Number(headers[TIME_HEADER])];
    if (typeof run !== 'string' || !/^[\w-]{1,64}$/.test(run) || !Number.isSafeInteger(time)) {
      return false;
    }
    this.#run = run;
    this.#offsetMs = time * 1000 - this.#options.clock.monoMs();
    return true;
  }

  /** @param path of the box, encoded, without query @throws PerchError unavailable, timeout: no response; an error status is a response */
  async request(method: string, path: string, request: BoxRequest = {}): Promise<BoxResponse> {
    const first = await this.#send(method, path, request);
    if ('socket' in first) {
      first.socket.destroy();
      throw new PerchError('badInput', 'the box switches the protocol without a request');
    }
    if (!this.#isToRepeat(first)) {
      return first;
    }
    return (await this.#send(method, path, request)) as BoxResponse;
  }

  /** Opens a WebSocket. @throws PerchError that names the box's refusal */
  async upgrade(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<BoxUpgrade> {
    const request = { headers: { ...headers, Connection: 'Upgrade', Upgrade: 'websocket' }, signal };
    let answer = await this.#send('GET', path, request);
    if (!('socket' in answer) && this.#isToRepeat(answer)) {
      answer = await this.#send('GET', path, request);
    }
    if ('socket' in answer) {
      return answer;
    }
    throw await refusalOf(answer);
  }

  /** Whether the signature was for an earlier run or another time, or did not name the box. @throws PerchError unavailable if it asks for the earlier form again */
  #isToRepeat({ status, headers, body }: BoxResponse): boolean {
    if (status !== 401 || !this.#learn(headers)) {
      return false;
    }
    body.resume();
    if (this.#namesBox && !asksForBox(headers)) {
      const way = 'update the box, or remove it here and pair it again';
      throw new PerchError('unavailable', `the box has an older version of Perch than before: ${way}`, {
        why: 'form',
      });
    }
    if (!this.#namesBox && asksForBox(headers)) {
      this.#namesBox = true;
      this.#options.identity?.onNamesBox?.();
    }
    return true;
  }

  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  #use(address: string): void {
    if (address !== this.#address || !this.#agent) {
      this.#agent?.destroy();
      this.#agent = new PinnedAgent(address, this.#options.pin);
      this.#address = address;
    }
  }

  async #send(method: string, path: string, request: BoxRequest): Promise<BoxResponse | BoxUpgrade> {
    // This limits the time until the response; its body may take longer.
    const limit = joinSignals([], ANSWER_MS);
    try {
      return await this.#exchange(method, path, request, limit.signal);
    } catch (error) {
      request.signal?.throwIfAborted();
      if (limit.isLate) {
        throw new PerchError('timeout', `no answer from the box at ${this.#address} for ${ANSWER_MS / 1000} s`);
      }
      throw error instanceof PerchError
        ? error
        : new PerchError('unavailable', `the box at ${this.#address}: ${explain(error)}`);
    } finally {
      limit.release();
    }
  }

  #exchange(
    method: string,
    path: string,
    { query = '', headers = {}, body, signal, isWatched = false }: BoxRequest,
    late: AbortSignal,
  ): Promise<BoxResponse | BoxUpgrade> {
    const agent = this.#agent;
    if (!agent) {
      throw new PerchError('unavailable', 'the box was not found yet');
    }
    const target = query === '' ? path : `${path}?${query}`;
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const joined = joinSignals(signal ? [late, signal] : [late]);
    const options: RequestOptions = {
      agent,
      method,
      path: target,
      headers: {
        'User-Agent': 'Perch',
        Host: this.#address,
        ...headers,
        ...(bytes && { 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) }),
        ...this.#signature(method, target, bytes),
      },
      signal: joined.signal,
    };
    const { promise, resolve, reject } = Promise.withResolvers<BoxResponse | BoxUpgrade>();
    const outgoing = started(options, joined);
    outgoing.once('close', () => joined.release());
    outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new PerchError('timeout', 'the box has stopped to send')));
    outgoing.once('response', (incoming: IncomingMessage) => {
      if (isWatched) {
        outgoing.setTimeout(0);
      }
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming });
    });
    outgoing.once('upgrade', (incoming: IncomingMessage, socket, head: Uint8Array) => {
      socket.setTimeout(0);
      resolve({ socket: socket as TLSSocket, head, headers: incoming.headers });
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The box has closed an idle connection at the same moment.
      const isStale = outgoing.reusedSocket && error.code === 'ECONNRESET' && (method === 'GET' || method === 'HEAD');
      if (isStale) {
        this.#exchange(method, path, { query, headers, isWatched, ...(signal && { signal }) }, late).then(
          resolve,
          reject,
        );
      } else {
        reject(error);
      }
    });
    outgoing.end(bytes);
    return promise;
  }

  #signature(method: string, target: string, body: Uint8Array | undefined): Record<string, string> {
    const { identity, pin, clock } = this.#options;
    if (!identity) {
      return {};
    }
    const created = Math.max(0, Math.floor((clock.monoMs() + this.#offsetMs) / 1000));
    const fields = {
      created,
      expires: created + MAX_SIGNATURE_S,
      nonce: randomBytes(NONCE_BYTES).toString('base64url'),
      keyId: identity.id,
    };
    // The first request has no run yet: the box answers with its own.
    const run = this.#run === '' ? 'none' : this.#run;
    const box = this.#namesBox ? boxNameOf(identity.box, pin) : undefined;
    return signMessage({ method, target, run, box, digest: body && digestOf(body) }, fields, identity.key);
  }
}

/** @throws for a path or a header with characters that Node refuses */
function started(options: RequestOptions, joined: JoinedSignal): ClientRequest {
  try {
    return requestByTls(options);
  } catch (error) {
    joined.release();
    throw error;
  }
}

/** Header fields of a request for a WebSocket (RFC 6455 §4.1). */
export const webSocketFields = (key = randomBytes(16).toString('base64')) => ({
  'Sec-WebSocket-Key': key,
  'Sec-WebSocket-Version': '13',
});

const MAX_ANSWER_BYTES = 2 << 20;

/** The body as JSON. @throws PerchError badInput, or the box's refusal */
export async function jsonOf(response: BoxResponse): Promise<unknown> {
  if (response.status !== 200) {
    throw await refusalOf(response);
  }
  try {
    return JSON.parse(await bodyText(response));
  } catch (cause) {
    throw cause instanceof PerchError ? cause : new PerchError('badInput', 'the box sends no JSON', {}, cause);
  }
}

async function bodyText({ body }: BoxResponse): Promise<string> {
  const { bytes, isCut } = await readBody(body, MAX_ANSWER_BYTES);
  if (isCut) {
    throw new PerchError('badInput', `the answer of the box has more than ${MAX_ANSWER_BYTES} bytes`);
  }
  return bytes.toString('utf8');
}

/** The error of a box's error response, with the box's message. */
async function refusalOf(response: BoxResponse): Promise<PerchError> {
  const { status } = response;
  const text = await bodyText(response).catch(() => '');
  let said: { readonly error?: unknown; readonly why?: unknown } = {};
  try {
    said = (JSON.parse(text) ?? {}) as typeof said;
  } catch {
    // The response is another program's.
  }
  const words = typeof said.error === 'string' ? said.error.slice(0, 300) : `status ${status}`;
  const code =
    status === 401 ? 'unauthorized' : status === 404 ? 'notFound' : status === 400 ? 'badInput' : 'unavailable';
  return new PerchError(code, `the box says: ${words}`, typeof said.why === 'string' ? { why: said.why } : {});
}

/** The error to report: another device at one address says more than no answer at the others. */
const worst = (errors: readonly unknown[]): unknown =>
  errors.find((error) => error instanceof PerchError && error.code === 'unauthorized') ??
  errors[0] ??
  new PerchError('unavailable', 'no address of the box is known');
