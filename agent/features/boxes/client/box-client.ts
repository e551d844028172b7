import { type KeyObject, randomBytes } from 'node:crypto';
import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestPlain,
} from 'node:http';
import { type RequestOptions, request as requestByTls } from 'node:https';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { NOT_CARRIED } from '../../../auth/pairing/box-bus.ts';
import { isBoxAddress } from '../../../auth/pairing/invitation-text.ts';
import {
  asksForBox,
  boxNameOf,
  busPinOf,
  MAX_SIGNATURE_S,
  RUN_HEADER,
  signMessage,
  TIME_HEADER,
} from '../../../auth/pairing/message-signature.ts';
import { digestOf } from '../../../auth/pairing/signed-requests.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { type JoinedSignal, joinSignals, withJoinedSignal } from '../../../base/joined-signal.ts';
import { readBody } from '../../../base/network/http-client.ts';
import { loadLate } from '../../../protocols/late.ts';
import type { BusStream } from './bus-stream.ts';
import { connectPinned, PinnedAgent } from './pinned-connection.ts';

const CONNECT_MS = 5_000;
const ANSWER_MS = 15_000;
/** Longest pause in a response body, because a box that lost its power does not end it. */
const SILENCE_MS = 30_000;
const NONCE_BYTES = 16;
/** Host of requests within the connection that a box has made. */
const LINK_HOST = 'box';

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
  /** Whether the answer is short and has an end, so that the bus of a fleet may carry it. */
  readonly isShort?: boolean;
}

/** A box on the bus of a fleet, see `BusCarrier`. */
export interface BoxOnBus {
  carries(): boolean;
  /** Whether the box has made a connection to this server. */
  hasLink(): boolean;
  summon(): Promise<void>;
  ask(request: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}

export interface BoxResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Response body, which the caller has to read or destroy. */
  readonly body: Readable;
}

/** A connection that the box has switched to another protocol. */
export interface BoxUpgrade {
  readonly socket: Socket;
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
  /** Opens a stream within the connection that the box has made. Undefined: the server connects to the box. @throws PerchError */
  readonly openStream?: ((isLive: boolean) => Socket) | undefined;
  readonly bus?: BoxOnBus | undefined;
}

/** Keeps streams within the connection of a box open between requests. */
class StreamAgent extends Agent {
  readonly #open: () => Socket;

  constructor(open: () => Socket) {
    // Node ends those beyond it, which resets their streams.
    super({ keepAlive: true, maxFreeSockets: 64 });
    this.#open = open;
  }

  override createConnection(_options: unknown, done?: (error: Error | null, socket: Socket) => void): undefined {
    try {
      done?.(null, this.#open());
    } catch (error) {
      done?.(error as Error, undefined as never);
    }
    return undefined;
  }
}

/** Signed requests to one box, over TLS with its pinned certificate. */
export class BoxClient {
  readonly #options: BoxClientOptions;
  #agent: PinnedAgent | StreamAgent | undefined;
  /** For WebSockets, which carry live pictures: streams of their own. */
  #live: StreamAgent | undefined;
  #address = '';
  /** Identifies the current run of the box's program (header `perch-run`); empty: not known yet. */
  #run = '';
  /** The box's time minus our monotonic time, in milliseconds. */
  #offsetMs = 0;
  #namesBox: boolean;
  /** Whether the address in use has answered. */
  #isReached = false;

  constructor(options: BoxClientOptions) {
    this.#options = options;
    this.#namesBox = options.identity?.namesBox ?? false;
  }

  /** Uses streams within the connection that the box has made. A request fails at once while there is none. */
  useLink(): void {
    const { openStream } = this.#options;
    if (openStream) {
      this.#agent ??= new StreamAgent(() => openStream(false));
      this.#live ??= new StreamAgent(() => openStream(true));
    }
  }

  /** Address in use, `host:port`; empty: none. */
  get address(): string {
    return this.#address;
  }

  /** Whether the bus alone reaches the box at present. */
  get isByBus(): boolean {
    const { bus, openStream } = this.#options;
    const isReached = openStream ? bus?.hasLink() : this.#isReached;
    return !isReached && bus?.carries() === true;
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
      this.#isReached = false;
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
    this.#live?.destroy();
    this.#agent = undefined;
    this.#live = undefined;
  }

  get #place(): string {
    return this.#address === '' ? '' : ` at ${this.#address}`;
  }

  #use(address: string): void {
    this.#isReached = true;
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
      if (this.isByBus) {
        const answer = await this.#sendByBus(method, path, request, limit.signal);
        if (answer) {
          return answer;
        }
      }
      return await this.#exchange(method, path, request, limit.signal);
    } catch (error) {
      request.signal?.throwIfAborted();
      if (limit.isLate) {
        throw new PerchError('timeout', `no answer from the box${this.#place} for ${ANSWER_MS / 1000} s`);
      }
      throw error instanceof PerchError
        ? error
        : new PerchError('unavailable', `the box${this.#place}: ${explain(error)}`);
    } finally {
      limit.release();
    }
  }

  /** @returns undefined: a connection has to carry it, which the box is asked for */
  async #sendByBus(method: string, path: string, request: BoxRequest, late: AbortSignal) {
    const { bus, openStream } = this.#options;
    if (request.isShort) {
      const { BusStream: Stream } = await loadLate('requests over the bus', () => import('./bus-stream.ts'));
      const stream = new Stream((...asked) => (bus as BoxOnBus).ask(...asked));
      try {
        return await this.#exchange(method, path, request, late, stream);
      } catch (error) {
        if (!(error instanceof PerchError && error.context['why'] === NOT_CARRIED)) {
          throw error;
        }
      }
    }
    if (openStream && bus) {
      await withJoinedSignal([late, ...(request.signal ? [request.signal] : [])], undefined, ({ signal }) =>
        unlessAborted(bus.summon(), signal),
      );
    }
    return undefined;
  }

  /** @param stream one over the bus; undefined: a connection */
  #exchange(
    method: string,
    path: string,
    { query = '', headers = {}, body, signal, isWatched = false }: BoxRequest,
    late: AbortSignal,
    stream?: BusStream,
  ): Promise<BoxResponse | BoxUpgrade> {
    const agent = headers['Upgrade'] === undefined ? this.#agent : (this.#live ?? this.#agent);
    if (!agent && !stream) {
      throw new PerchError('unavailable', 'the box was not found yet');
    }
    const target = query === '' ? path : `${path}?${query}`;
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const joined = joinSignals(signal ? [late, signal] : [late]);
    const options: RequestOptions = {
      ...(stream ? { createConnection: () => stream } : { agent }),
      method,
      path: target,
      headers: {
        'User-Agent': 'Perch',
        Host: stream || this.#address === '' ? LINK_HOST : this.#address,
        ...headers,
        ...(bytes && { 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) }),
        ...this.#signature(method, target, bytes, stream !== undefined),
      },
      signal: joined.signal,
    };
    const { promise, resolve, reject } = Promise.withResolvers<BoxResponse | BoxUpgrade>();
    const outgoing = started(options, joined);
    outgoing.once('close', () => joined.release());
    outgoing.once('finish', () => stream?.send());
    outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new PerchError('timeout', 'the box has stopped to send')));
    outgoing.once('response', (incoming: IncomingMessage) => {
      if (isWatched) {
        outgoing.setTimeout(0);
      }
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming });
    });
    outgoing.once('upgrade', (incoming: IncomingMessage, socket, head: Uint8Array) => {
      socket.setTimeout(0);
      resolve({ socket: socket as Socket, head, headers: incoming.headers });
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

  #signature(method: string, target: string, body: Uint8Array | undefined, isByBus: boolean): Record<string, string> {
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
    const names = this.#namesBox || isByBus;
    const box = names ? boxNameOf(identity.box, isByBus ? busPinOf(pin) : pin) : undefined;
    return signMessage({ method, target, run, box, digest: body && digestOf(body) }, fields, identity.key);
  }
}

/** Rejects on abort. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** @throws for a path or a header with characters that Node refuses */
function started(options: RequestOptions, joined: JoinedSignal): ClientRequest {
  try {
    return options.agent instanceof PinnedAgent ? requestByTls(options) : requestPlain(options);
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
