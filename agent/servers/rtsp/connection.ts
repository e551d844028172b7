import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { endpointOf } from '../../base/network/ip-address.ts';
import { CONNECTION_BYTES, type PreLoginShare } from '../../base/network/pre-login-memory.ts';
import { SendProgress } from '../../base/network/send-progress.ts';
import type { ByteChannel, ByteSink } from '../../base/network/socket-channel.ts';
import { type FramerSink, RtspFramer } from '../../media/rtsp/interleaved.ts';
import {
  cseqOf,
  type HeaderField,
  type RtspMessage,
  type RtspRequest,
  writeResponse,
} from '../../media/rtsp/message.ts';
import { RequestHandler, type SharedServer } from './session/request-handler.ts';
import { type Response, responseTo } from './session/response.ts';
import type { SessionLink } from './session/session.ts';
import type { RtspConnItem } from './session/session-kinds.ts';
import { shownPath } from './session/target.ts';
import type { TunnelKind } from './tunnel/accept-channel.ts';
import { HttpTunnel } from './tunnel/http-tunnel.ts';

const MAX_WAITING_REQUESTS = 32;
const MAX_WAITING_BYTES = 1 << 17;
/** Limit of response bytes that the client has not read, not counting media. */
const MAX_UNREAD_BYTES = 1 << 18;
/** A connection without a session is closed after this long without a request. */
const IDLE_MS = 60_000;
/** Some clients send junk between frames; more than this is another protocol. */
const MAX_JUNK_BYTES = 16_384;
const SERVER = 'Perch';

/** A client's connection, tunnelled or not. Requests are handled one after the other. */
export class RtspConnection implements ByteSink, FramerSink, SessionLink {
  readonly id = randomUUID();
  readonly ip: string;
  readonly tunnel: TunnelKind;
  readonly #channel: ByteChannel;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onClosed: (connection: RtspConnection) => void;
  readonly #framer = new RtspFramer(this);
  readonly #handler: RequestHandler;
  readonly #createdWallMs: number;
  readonly #waiting: RtspRequest[] = [];
  #isResponding = false;
  #isPaused = false;
  /** The channel ended before its pending data was read. */
  #end: { readonly cause: unknown } | undefined;
  #isClosed = false;
  #inboundBytes = 0;
  #outboundBytes = 0;
  #hasRequested = false;
  /** Counts memory held by unauthenticated clients; undefined from the first session on. */
  #preLogin: PreLoginShare | undefined;
  /** Monotonic start of an incomplete message or frame. */
  #partialMs: number | undefined;
  /** Monotonic time of the last request. */
  #lastReceivedMs: number;
  readonly #progress: SendProgress;
  #closeDeadlineMs: number | undefined;
  /** Response bytes since `#outboundBytes` was `since`; reset once all before that is sent. */
  readonly #unread = { bytes: 0, since: 0 };

  constructor(
    channel: ByteChannel,
    tunnel: TunnelKind,
    server: SharedServer,
    log: Logger,
    onClosed: (connection: RtspConnection) => void,
  ) {
    this.#channel = channel;
    this.tunnel = tunnel;
    this.ip = endpointOf(channel.remote).ip;
    this.#clock = server.clock;
    this.#log = log.child({ remote: channel.remote });
    this.#onClosed = onClosed;
    this.#handler = new RequestHandler(this, server);
    this.#createdWallMs = server.clock.wallMs();
    this.#lastReceivedMs = server.clock.monoMs();
    this.#progress = new SendProgress(this.#lastReceivedMs);
    this.#preLogin = server.preLogin?.open(this.ip, () => this.close('clients without a login use too much memory'));
    channel.sink = this;
  }

  get remote(): string {
    return this.#channel.remote;
  }

  get local(): string | undefined {
    return this.#channel.local;
  }

  get hasTwoAddresses(): boolean {
    return this.#channel instanceof HttpTunnel && this.#channel.hasTwoAddresses;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get queuedBytes(): number {
    return this.#channel.queuedBytes;
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosed) {
      this.#outboundBytes += bytes.length;
      this.#channel.write(bytes);
    }
  }

  close(reason: string): void {
    this.#markClosed(reason);
    this.#channel.destroy();
    this.#onClosed(this);
  }

  finish(reason: string): void {
    if (!this.#isClosed) {
      this.#markClosed(reason);
      this.#channel.end();
    }
  }

  pause(): void {
    this.#isPaused = true;
    this.#framer.hold();
    this.#channel.pause();
  }

  /** Reading resumes in a later turn, because the caller may be closing the reader. */
  resume(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      setImmediate(() => this.#resumeReading());
    }
  }

  onBytes(chunk: Uint8Array, length: number): void {
    if (this.#isClosed) {
      return;
    }
    this.#inboundBytes += length;
    try {
      this.#framer.push(chunk, length);
    } catch (error) {
      this.#rejectFor(error);
      return;
    }
    if (!this.#handler.session) {
      this.#partialMs = this.#framer.isWithinUnit ? (this.#partialMs ?? this.#clock.monoMs()) : undefined;
      this.#preLogin?.hold(CONNECTION_BYTES + this.#framer.keptBytes + this.#waitingBytes());
    } else if (this.#preLogin) {
      this.#preLogin.end();
      this.#preLogin = undefined;
    }
    const allowed = this.#hasRequested ? MAX_JUNK_BYTES : 0;
    if (this.#framer.junkBytes > allowed) {
      this.#reject(`${this.#framer.junkBytes} bytes that are not RTSP`);
    }
  }

  onEnd(cause: unknown): void {
    if (this.#framer.isHeld && !this.#isClosed) {
      this.#end = { cause };
      return;
    }
    this.#markClosed(cause === undefined ? 'closed by the client' : explain(cause));
    this.#onClosed(this);
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    this.#handler.session?.onFrame(chunk, channel, start, end);
  }

  onMessage(message: RtspMessage): void {
    if (message.kind === 'response' || this.#isClosed) {
      return;
    }
    this.#hasRequested = true;
    this.#lastReceivedMs = this.#clock.monoMs();
    if (this.#waiting.length >= MAX_WAITING_REQUESTS) {
      this.#reject(`more than ${MAX_WAITING_REQUESTS} requests wait`);
      return;
    }
    this.#waiting.push(message);
    if (!this.#isResponding) {
      void this.#respondAll();
    } else if (this.#waitingBytes() > MAX_WAITING_BYTES) {
      this.#reject(`more than ${MAX_WAITING_BYTES} bytes of requests wait`);
    }
  }

  /** Called once a second. @param firstRequestMs limit for the first request @param writeTimeoutMs limit without progress of queued bytes */
  tick(nowMs: number, firstRequestMs: number, writeTimeoutMs: number): void {
    if (this.#isClosed) {
      this.#awaitClose(nowMs, writeTimeoutMs);
      return;
    }
    const { queuedBytes } = this.#channel;
    const unreadMs = this.#handler.session?.role?.maxUnreadMs ?? writeTimeoutMs;
    if (this.#progress.isStalled(this.#outboundBytes - queuedBytes, queuedBytes, nowMs, unreadMs)) {
      this.close(`nothing could be sent for ${unreadMs / 1000} s`);
      return;
    }
    const limitMs = this.#hasRequested ? IDLE_MS : firstRequestMs;
    if (!this.#handler.session && !this.#isResponding && nowMs - this.#lastReceivedMs >= limitMs) {
      this.close(`no request for ${limitMs / 1000} s`);
    } else if (!this.#handler.session && this.#partialMs !== undefined && nowMs - this.#partialMs >= firstRequestMs) {
      this.close(`a request took more than ${firstRequestMs / 1000} s to arrive`);
    }
  }

  describe(): RtspConnItem {
    return {
      id: this.id,
      created: new Date(this.#createdWallMs).toISOString(),
      remoteAddr: this.remote,
      session: this.#handler.session?.id ?? null,
      tunnel: this.tunnel,
      inboundBytes: this.#inboundBytes,
      outboundBytes: this.#outboundBytes,
      bytesReceived: this.#inboundBytes,
      bytesSent: this.#outboundBytes,
    };
  }

  #waitingBytes(): number {
    return this.#waiting.reduce((sum, request) => sum + sizeOf(request), 0);
  }

  async #respondAll(): Promise<void> {
    this.#isResponding = true;
    for (let request = this.#waiting.shift(); request && !this.#isClosed; request = this.#waiting.shift()) {
      const response = await this.#respond(request);
      try {
        this.#send(request, response);
      } catch (error) {
        this.#log.error({ err: error, method: request.method }, 'RTSP response could not be sent');
        this.close('internal error');
      }
    }
    this.#isResponding = false;
    this.#lastReceivedMs = this.#clock.monoMs();
  }

  async #respond(request: RtspRequest): Promise<Response> {
    try {
      const response = await this.#handler.handle(request);
      this.#log.debug({ method: request.method, status: response.status }, 'RTSP request');
      return response;
    } catch (error) {
      const response = responseTo(error);
      if (response) {
        const { method, uri } = request;
        const path = this.#handler.session?.options.target.name ?? shownPath(uri);
        this.#log.info({ path, method, status: response.status, reason: explain(error) }, 'RTSP request rejected');
        return response;
      }
      this.#log.error({ err: error, method: request.method }, 'RTSP request failed');
      return { status: 500, closeReason: 'internal error' };
    }
  }

  #send(request: RtspRequest, response: Response): void {
    const cseq = cseqOf(request);
    const numbered: HeaderField[] = cseq === undefined ? [] : [['CSeq', `${cseq}`]];
    const headers: HeaderField[] = [...numbered, ['Server', SERVER], ...(response.headers ?? [])];
    const bytes = writeResponse(response.status, headers, response.body);
    const unread = this.#unread;
    if (this.#outboundBytes - this.#channel.queuedBytes >= unread.since) {
      unread.bytes = 0;
      unread.since = this.#outboundBytes;
    }
    unread.bytes += bytes.length;
    if (unread.bytes > MAX_UNREAD_BYTES) {
      this.#reject(`${MAX_UNREAD_BYTES} bytes of responses are unread`);
      return;
    }
    this.write(bytes);
    response.onSent?.();
    if (response.closeReason !== undefined) {
      this.finish(response.closeReason);
    }
  }

  #resumeReading(): void {
    if (this.#isClosed || this.#isPaused) {
      return;
    }
    try {
      this.#framer.release();
    } catch (error) {
      this.#rejectFor(error);
      return;
    }
    if (this.#framer.isHeld) {
      return;
    }
    this.#channel.resume();
    if (this.#end) {
      this.onEnd(this.#end.cause);
    }
  }

  #rejectFor(error: unknown): void {
    if (!(error instanceof PerchError)) {
      throw error;
    }
    this.#reject(explain(error));
  }

  #reject(reason: string): void {
    this.#log.info({ reason }, 'RTSP connection rejected');
    this.close(reason);
  }

  /** Destroys a gracefully closed connection when the client keeps its side open for too long. */
  #awaitClose(nowMs: number, writeTimeoutMs: number): void {
    this.#closeDeadlineMs ??= nowMs + writeTimeoutMs;
    if (nowMs >= this.#closeDeadlineMs) {
      this.#channel.destroy();
      this.#onClosed(this);
    }
  }

  #markClosed(reason: string): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#preLogin?.end();
    this.#waiting.length = 0;
    this.#handler.session?.onLinkClosed(this);
    this.#log.debug({ reason }, 'RTSP connection closed');
  }
}

function sizeOf({ uri, headers, body }: RtspRequest): number {
  return headers.fields.reduce((sum, [name, value]) => sum + name.length + value.length, uri.length + body.length);
}
