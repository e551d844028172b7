import { type Clock, sleepUnlessHeld } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { canonicalIp } from '../../../base/network/ip-address.ts';
import type { ByteChannel, ByteSink } from '../../../base/network/socket-channel.ts';
import type { ReadRounds } from '../../../base/time/read-rounds.ts';
import { RtspFramer } from '../../../media/rtsp/interleaved.ts';
import {
  cseqOf,
  type HeaderField,
  type RtspMessage,
  type RtspRequest,
  type RtspResponse,
  writeRequest,
  writeResponse,
} from '../../../media/rtsp/message.ts';
import { type Peer, phraseOf } from '../../tls/peer.ts';
import { type Address, hostPortOf } from './address.ts';
import { connectionEnd, connectionFailure, type NoVideoReason } from './failures.ts';

const FRAME_HEADER_BYTES = 4;
const USER_AGENT = 'Perch';
const OUR_METHODS = ['OPTIONS', 'GET_PARAMETER', 'SET_PARAMETER'];

/** Receives the interleaved frames of a connection, and learns of the replies between them. */
export interface FrameSink {
  /** @param chunk holds the payload in [start, end), valid during the call only */
  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void;
  onReply?(): void;
}

interface Waiter {
  readonly resolve: (response: RtspResponse) => void;
  readonly reject: (error: unknown) => void;
}

/** One RTSP connection of a client: requests, replies, and interleaved frames between them. */
export class RtspConnection implements ByteSink {
  /** Monotonic time of the last read. */
  readAtMs = 0;
  hasRead = false;
  frames: FrameSink | undefined;
  /** Reads wait for the next round: what arrives within it is read at once, together with other cameras. */
  rounds: ReadRounds | undefined;
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<unknown>;
  readonly #channel: ByteChannel;
  readonly #framer: RtspFramer;
  readonly #address: Address;
  readonly #peer: Peer;
  readonly #clock: Clock;
  readonly #waiters = new Map<number, Waiter>();
  #isWaiting = false;
  #lastCseq = 0;
  /** Whether the camera has answered in RTSP, unlike a TLS port. */
  #hasAnswered = false;
  #failure: unknown;
  #settleEnd: (cause: unknown) => void = () => {};

  constructor(channel: ByteChannel, address: Address, peer: Peer, clock: Clock) {
    this.#channel = channel;
    this.#address = address;
    this.#peer = peer;
    this.#clock = clock;
    this.#framer = new RtspFramer(this);
    this.ended = new Promise((resolve) => {
      this.#settleEnd = resolve;
    });
    channel.sink = this;
  }

  /** The camera's address, canonical; undefined before the connection is open. RTP over UDP comes from it. */
  get remoteIp(): string | undefined {
    const { remote } = this.#channel;
    return canonicalIp(remote.slice(0, remote.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1'));
  }

  /** The TCP connection is made; through a tunnel: something has come through it. */
  get isConnected(): boolean {
    return this.#channel.isConnected ?? this.hasRead;
  }

  get junkBytes(): number {
    return this.#framer.junkBytes;
  }

  /**
   * Sends a request and waits for its reply.
   * @param timeoutMs for the reply, and for the connection if it is not open yet
   */
  async request(
    method: string,
    uri: string,
    headers: readonly HeaderField[],
    timeoutMs: number,
    signal?: AbortSignal,
    body?: Uint8Array,
  ): Promise<RtspResponse> {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    this.#lastCseq += 1;
    const cseq = this.#lastCseq;
    const fields: HeaderField[] = [['CSeq', `${cseq}`], ['User-Agent', USER_AGENT], ...headers];
    const message = writeRequest(method, uri, fields, body);
    const answered = new AbortController();
    const reply = new Promise<RtspResponse>((resolve, reject) => {
      this.#waiters.set(cseq, { resolve, reject });
      signal?.addEventListener('abort', () => reject(signal.reason), { signal: answered.signal });
    });
    // A tunnel may wait for the reply to another connection's login before it accepts the request.
    const heldMs = () => this.#channel.heldMs ?? 0;
    const slept = sleepUnlessHeld(this.#clock, timeoutMs, heldMs, answered.signal);
    const late = slept.then(() => this.#timeout(method, timeoutMs));
    this.#send(message);
    try {
      const first = await Promise.race([reply, late]);
      if (first instanceof PerchError) {
        throw first;
      }
      return first;
    } finally {
      this.#waiters.delete(cseq);
      answered.abort();
    }
  }

  /** Bytes written but not sent. At 0 no written buffer is referenced. */
  get queuedBytes(): number {
    return this.#channel.queuedBytes;
  }

  /** Interleaved frames; the caller limits the queue. */
  writeFrames(frames: Uint8Array): void {
    if (this.#failure === undefined) {
      this.#channel.write(frames);
    }
  }

  sendFrame(channel: number, payload: Uint8Array): void {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
    frame.set([0x24, channel, payload.length >> 8, payload.length & 0xff]);
    frame.set(payload, FRAME_HEADER_BYTES);
    this.#send(frame);
  }

  /** Ends the connection at once; only the first call has an effect. */
  fail(cause: unknown): void {
    if (this.#failure !== undefined) {
      return;
    }
    this.#failure = cause;
    this.frames = undefined;
    this.#channel.destroy();
    for (const waiter of this.#waiters.values()) {
      waiter.reject(cause);
    }
    this.#waiters.clear();
    this.#settleEnd(cause);
  }

  onBytes(chunk: Uint8Array, length: number): void {
    this.readAtMs = this.#clock.monoMs();
    this.hasRead = true;
    try {
      this.#framer.push(chunk, length);
    } catch (cause) {
      const message = `${phraseOf(this.#peer)} does not send RTSP`;
      this.fail(
        cause instanceof PerchError ? new PerchError(cause.code, message, { path: this.#peer.path }, cause) : cause,
      );
    }
    // If the buffer is full, the socket has more data, which is read at once.
    if (length < chunk.length) {
      this.#waitForRound();
    }
  }

  /** Reads what has arrived. */
  read(): void {
    if (!this.#isWaiting) {
      return;
    }
    this.#isWaiting = false;
    if (this.rounds && this.#channel.readArrived?.()) {
      this.#waitForRound();
    }
    // A new viewer may have ended the rounds during the read.
    if (!this.rounds || !this.#isWaiting) {
      this.#channel.resume();
    }
  }

  #waitForRound(): void {
    if (this.rounds && !this.#isWaiting) {
      this.#isWaiting = true;
      this.#channel.pause();
      this.rounds.wait(this);
    }
  }

  onEnd(cause: unknown): void {
    if (cause instanceof PerchError) {
      this.fail(cause);
    } else if (cause === undefined) {
      this.fail(connectionEnd(this.#address, this.#peer, this.#hasAnswered));
    } else {
      this.fail(connectionFailure(cause as NodeJS.ErrnoException, this.#address, this.#peer, this.#hasAnswered));
    }
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    this.frames?.onFrame(chunk, channel, start, end);
  }

  onMessage(message: RtspMessage): void {
    this.#hasAnswered = true;
    if (message.kind === 'request') {
      this.#answer(message);
      return;
    }
    if (message.status < 200) {
      // Provisional: the final reply follows (RFC 2326 §7.1.1).
      return;
    }
    // A reply with no CSeq, or an unknown one, belongs to the oldest pending request.
    const waiter = this.#waiters.get(cseqOf(message) ?? 0) ?? this.#waiters.values().next().value;
    waiter?.resolve(message);
    this.frames?.onReply?.();
  }

  /** Some cameras send requests: OPTIONS as a keep-alive, SET_PARAMETER for notifications. */
  #answer(request: RtspRequest): void {
    const isKnown = OUR_METHODS.includes(request.method);
    const headers: HeaderField[] = [['CSeq', request.headers.get('CSeq') ?? '0']];
    if (request.method === 'OPTIONS') {
      headers.push(['Public', OUR_METHODS.join(', ')]);
    }
    this.#send(writeResponse(isKnown ? 200 : 501, headers));
  }

  #send(bytes: Uint8Array): void {
    // Messages to a camera that does not read are dropped: the media it sends decides.
    if (this.#failure === undefined && this.#channel.queuedBytes <= 64 << 10) {
      this.#channel.write(bytes);
    }
  }

  #timeout(method: string, timeoutMs: number): PerchError {
    const where = hostPortOf(this.#address);
    const what = this.hasRead ? `no reply to ${method}` : 'no answer at all';
    const message = `${what} from ${where} within ${timeoutMs / 1000} s: is the ${phraseOf(this.#peer)} on?`;
    const absence: NoVideoReason = this.hasRead ? 'refuses' : 'silent';
    const context = { path: this.#peer.path, host: this.#address.host, isUnreachable: !this.hasRead, absence };
    return new PerchError('timeout', message, context);
  }
}
