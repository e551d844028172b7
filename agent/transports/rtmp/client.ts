import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { AmfInput, AmfObject, AmfValue } from '../../media/amf/amf0.ts';
import { TAG } from '../../media/flv/codes.ts';
import type { FlvAbilities } from '../flv/selection.ts';
import { dial } from '../rtsp/channel/dial.ts';
import { connectionEnd, connectionFailure } from '../rtsp/request/failures.ts';
import { type Peer, phraseOf } from '../tls/peer.ts';
import { abilitiesOf, OUR_ABILITIES } from './abilities.ts';
import type { RtmpAddress } from './address.ts';
import { type LinkOwner, RtmpLink } from './link.ts';

/** Version of a Flash player: servers expect this form. */
const PLAYER_VERSION = 'LNX 9,0,124,2';
const ENCODER_VERSION = 'FMLE/3.0 (compatible; Perch)';
/** `start` of play: the live stream, else the recorded one of this name, as other clients request (RTMP 1.0 §7.2.2.1). */
const START = -2_000;
/** How several servers word a rejected login. */
const REJECTED_LOGIN =
  /Denied|Unauthorized|authmod|AccessManager|not permitted|authentication (?:error|fail)|(?:wrong|invalid) (?:user|password)/i;

type Result = readonly AmfValue[];

interface Waiter {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

interface RtmpClientOptions {
  readonly address: RtmpAddress;
  readonly peer: Peer;
  /** SHA-256 of the server's certificate in hex; empty: its issuer has to be trusted. */
  readonly fingerprint: string;
  /** Time limit for each step up to the start. */
  readonly timeoutMs: number;
}

/** The media of a server. @param data valid during the call only */
type OnMedia = (type: number, timestamp: number, data: Uint8Array, start: number, end: number) => void;

/** A client's connection, which plays or publishes one stream. */
export class RtmpClient implements LinkOwner {
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<unknown>;
  /** Monotonic time of the last audio or video message. */
  lastMediaMs = 0;
  /** What the server announces that it accepts, in addition to the codecs of FLV itself. */
  abilities: FlvAbilities = { fourCcs: [], hasMultitrack: false };
  readonly #options: RtmpClientOptions;
  readonly #clock: Clock;
  readonly #link: RtmpLink;
  readonly #waiters = new Map<number, Waiter>();
  #lastTransaction = 0;
  #onMedia: OnMedia | undefined;
  #onDamage: ((reason: string) => void) | undefined;
  #failure: unknown;
  #settleEnd: (cause: unknown) => void = () => {};
  #opened = Promise.withResolvers<void>();
  /** Waits for the status that follows play or publish. */
  #started: PromiseWithResolvers<void> | undefined;
  #hasAnswered = false;

  constructor(options: RtmpClientOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.ended = new Promise((resolve) => {
      this.#settleEnd = resolve;
    });
    this.#opened.promise.catch(() => {});
    this.#link = new RtmpLink(dial('rtmp', options.address, options.peer, options.fingerprint), false, this);
  }

  get receivedBytes(): number {
    return this.#link.receivedBytes;
  }

  get sentBytes(): number {
    return this.#link.sentBytes;
  }

  get queuedBytes(): number {
    return this.#link.queuedBytes;
  }

  /** @param bytes whole chunks, unchanged until `queuedBytes` is 0 */
  write(bytes: Uint8Array): void {
    this.#link.write(bytes);
  }

  /** Resolves when the server has accepted. @param onDamage called for each message that was skipped @throws PerchError with its reason */
  async play(onMedia: OnMedia, onDamage?: (reason: string) => void): Promise<void> {
    this.#link.allowMedia();
    this.#onMedia = onMedia;
    this.#onDamage = onDamage;
    await this.#connect({
      flashVer: PLAYER_VERSION,
      fpad: false,
      capabilities: 15,
      audioCodecs: 4071,
      videoCodecs: 252,
      videoFunction: 1,
    });
    const stream = await this.#createStream();
    await this.#start(stream, 'play', this.#options.address.stream, START);
  }

  /** Resolves with the number of the message stream when media may be written. @throws PerchError with the server's reason */
  async publish(): Promise<number> {
    const { stream: name } = this.#options.address;
    await this.#connect({ type: 'nonprivate', flashVer: ENCODER_VERSION });
    this.#link.command(0, 'releaseStream', this.#transaction(), null, name);
    this.#link.command(0, 'FCPublish', this.#transaction(), null, name);
    const stream = await this.#createStream();
    await this.#start(stream, 'publish', name, 'live');
    return stream;
  }

  close(): void {
    this.#fail(new PerchError('unavailable', 'connection is over'));
    this.#link.end();
  }

  onOpen(): void {
    this.#opened.resolve();
  }

  onMedia(type: number, timestamp: number, data: Uint8Array, start: number, end: number): void {
    if (type !== TAG.script) {
      this.lastMediaMs = this.#clock.monoMs();
    }
    this.#onMedia?.(type, timestamp, data, start, end);
  }

  onDamage(reason: string): void {
    this.#onDamage?.(reason);
  }

  onCommand(name: string, transaction: number, args: readonly AmfValue[]): void {
    this.#hasAnswered = true;
    const waiter = this.#waiters.get(transaction);
    if (name === '_result' && waiter) {
      this.#waiters.delete(transaction);
      waiter.resolve(args);
    } else if (name === '_error' && waiter) {
      this.#waiters.delete(transaction);
      waiter.reject(this.#refusal(args));
    } else if (name === 'onStatus') {
      this.#onStatus(args);
    } else if (name === 'close') {
      this.#fail(this.#refusal(args));
    }
  }

  onStreamEnd(): void {
    this.#fail(this.#failureOf('has ended the stream'));
  }

  onEnd(cause: unknown): void {
    const { address, peer } = this.#options;
    if (cause === undefined) {
      this.#fail(connectionEnd(address, peer, this.#hasAnswered));
    } else if (cause instanceof PerchError) {
      const known = cause.context['path'] !== undefined;
      this.#fail(known ? cause : this.#failureOf(`violates RTMP: ${cause.message}`));
    } else {
      const isNetwork = isErrno(cause);
      this.#fail(isNetwork ? connectionFailure(cause, address, peer, this.#hasAnswered) : cause);
    }
  }

  async #connect(fields: { readonly [name: string]: AmfInput }): Promise<void> {
    const { app, uri } = this.#options.address;
    await this.#inTime(this.#opened.promise, 'the handshake');
    this.#link.begin();
    const command = { app, tcUrl: uri, ...fields, ...OUR_ABILITIES };
    const [, information] = await this.#call('connect', command);
    if (information instanceof Map) {
      this.abilities = abilitiesOf(information as AmfObject);
    }
  }

  async #createStream(): Promise<number> {
    const [, stream] = await this.#call('createStream', null);
    return typeof stream === 'number' ? stream : 1;
  }

  async #start(stream: number, command: string, ...args: readonly AmfInput[]): Promise<void> {
    const started = Promise.withResolvers<void>();
    this.#started = started;
    this.#link.command(stream, command, this.#transaction(), null, ...args);
    if (command === 'play') {
      this.#link.bufferLength(stream);
    }
    await this.#inTime(started.promise, command);
  }

  #call(name: string, ...args: readonly AmfInput[]): Promise<Result> {
    const transaction = this.#transaction();
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#waiters.set(transaction, { resolve, reject });
    this.#link.command(0, name, transaction, ...args);
    return this.#inTime(promise, name);
  }

  async #inTime<T>(answer: Promise<T>, step: string): Promise<T> {
    const over = new AbortController();
    const late = this.#clock.sleep(this.#options.timeoutMs, over.signal).then(() => {
      throw this.#failureOf(`does not answer ${step}`, 'timeout');
    });
    const ended = this.ended.then((cause) => {
      throw cause;
    });
    late.catch(() => {});
    ended.catch(() => {});
    try {
      return await Promise.race([answer, late, ended]);
    } finally {
      over.abort();
    }
  }

  #onStatus(args: readonly AmfValue[]): void {
    const information = args.find((value): value is AmfObject => value instanceof Map);
    const [code, level] = [amfString(information?.get('code')), amfString(information?.get('level'))];
    if (level === 'error') {
      this.#fail(this.#refusal(args));
    } else if (/^NetStream\.(?:Play|Publish)\.Start$/.test(code)) {
      this.#started?.resolve();
    } else if (/^NetStream\.Play\.(?:Stop|Complete|UnpublishNotify)$/.test(code)) {
      this.onStreamEnd();
    }
  }

  /** The server's reason, which may repeat the address with its password. */
  #refusal(args: readonly AmfValue[]): PerchError {
    const information = args.find((value): value is AmfObject => value instanceof Map);
    const code = amfString(information?.get('code'));
    const description = amfString(information?.get('description'));
    const query = this.#options.address.stream.split('?')[1];
    const bare = query ? description.replaceAll(query, '…') : description;
    const words = `${code} ${bare}`.replace(/[^\x20-\x7e\u2026]/g, '').slice(0, 200);
    const isLogin = REJECTED_LOGIN.test(words);
    return this.#failureOf(`rejects the stream: ${words.trim()}`, isLogin ? 'unauthorized' : 'unavailable');
  }

  #failureOf(fault: string, code: 'unavailable' | 'unauthorized' | 'timeout' = 'unavailable'): PerchError {
    const { peer } = this.#options;
    const absence = code === 'unauthorized' ? 'password' : 'refuses';
    return new PerchError(code, `${phraseOf(peer)} ${fault}`, { path: peer.path, absence });
  }

  #fail(cause: unknown): void {
    if (this.#failure === undefined) {
      this.#failure = cause;
      this.#opened.reject(cause);
      this.#settleEnd(cause);
      this.#link.destroy();
    }
  }

  #transaction(): number {
    this.#lastTransaction += 1;
    return this.#lastTransaction;
  }
}

const amfString = (value: AmfValue): string => (typeof value === 'string' ? value : '');
const isErrno = (cause: unknown): cause is NodeJS.ErrnoException => cause instanceof Error && 'code' in cause;
