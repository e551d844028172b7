import { randomUUID } from 'node:crypto';
import type { ByteChannel, ByteSink } from '../../base/byte-channel.ts';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { endpointOf } from '../../base/ip-address.ts';
import type { Logger } from '../../base/log.ts';
import { CONNECTION_BYTES, type NewcomerShare } from '../../base/newcomer-memory.ts';
import { type FramerSink, RtspFramer } from '../../media/rtsp/interleaved.ts';
import {
  cseqOf,
  type HeaderField,
  type RtspMessage,
  type RtspRequest,
  writeResponse,
} from '../../media/rtsp/message.ts';
import type { RtspConnItem } from './session/api-items.ts';
import { Dialogue, type Room } from './session/request-handler.ts';
import { type Answer, answerTo } from './session/response.ts';
import type { SessionLink } from './session/session.ts';
import { shownPath } from './session/target.ts';
import type { TunnelKind } from './tunnel/accept-channel.ts';

/** Requests that wait for the one before them. */
const MAX_WAITING_REQUESTS = 32;
const MAX_WAITING_BYTES = 1 << 17;
/** Answers that a client leaves unread, whatever media wait beside them. */
const MAX_UNREAD_BYTES = 1 << 18;
/** Without a session, a connection that asks for nothing is let go after so long. */
const IDLE_MS = 60_000;
/** Some junk between frames is human; a client that sends this much speaks something else. */
const MAX_JUNK_BYTES = 16_384;
const SERVER = 'Perch';

/** One connection of a client, whatever it runs through. Requests are answered one after the other, in their order. */
export class RtspConnection implements ByteSink, FramerSink, SessionLink {
  readonly id = randomUUID();
  readonly ip: string;
  readonly tunnel: TunnelKind;
  readonly #channel: ByteChannel;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onGone: (connection: RtspConnection) => void;
  readonly #framer = new RtspFramer(this);
  readonly #dialogue: Dialogue;
  readonly #createdWallMs: number;
  readonly #waiting: RtspRequest[] = [];
  #isAnswering = false;
  #isPaused = false;
  /** The channel has ended while what it brought before still waits. */
  #end: { readonly cause: unknown } | undefined;
  #isClosed = false;
  #inboundBytes = 0;
  #outboundBytes = 0;
  #hasSpoken = false;
  /** Of what clients hold that nobody has let in; undefined from its first session on. */
  #newcomer: NewcomerShare | undefined;
  /** Monotonic time since when a message or frame has been coming in. */
  #partialMs: number | undefined;
  /** Monotonic time of the last request. */
  #heardMs: number;
  /** What had left when it was last looked at, and when that last changed. */
  #leftBytes = 0;
  #leftMs: number;
  #endsMs: number | undefined;
  /** Answers since `#outboundBytes` was `#readEnd`; they count anew when all before that has left. */
  #unreadBytes = 0;
  #readEnd = 0;

  /** @param onGone nothing is left of it */
  constructor(
    channel: ByteChannel,
    tunnel: TunnelKind,
    room: Room,
    log: Logger,
    onGone: (connection: RtspConnection) => void,
  ) {
    this.#channel = channel;
    this.tunnel = tunnel;
    this.ip = endpointOf(channel.remote).ip;
    this.#clock = room.clock;
    this.#log = log.child({ remote: channel.remote });
    this.#onGone = onGone;
    this.#dialogue = new Dialogue(this, room);
    this.#createdWallMs = room.clock.wallMs();
    this.#heardMs = room.clock.monoMs();
    this.#leftMs = this.#heardMs;
    this.#newcomer = room.newcomers?.open(this.ip, () => this.close('clients without a login hold too much memory'));
    channel.sink = this;
  }

  get remote(): string {
    return this.#channel.remote;
  }

  get local(): string | undefined {
    return this.#channel.local;
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
    this.#leave(reason);
    this.#channel.destroy();
    this.#onGone(this);
  }

  finish(reason: string): void {
    if (!this.#isClosed) {
      this.#leave(reason);
      this.#channel.end();
    }
  }

  /** Also what lies behind the frame at hand waits. */
  pause(): void {
    this.#isPaused = true;
    this.#framer.hold();
    this.#channel.pause();
  }

  /** Reading goes on a moment later: the caller may be in the middle of closing what reads. */
  resume(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      setImmediate(() => this.#readOn());
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
      this.#refuseFor(error);
      return;
    }
    if (!this.#dialogue.session) {
      this.#partialMs = this.#framer.isWithinUnit ? (this.#partialMs ?? this.#clock.monoMs()) : undefined;
      this.#newcomer?.hold(CONNECTION_BYTES + this.#framer.keptBytes + this.#waitingBytes());
    } else if (this.#newcomer) {
      this.#newcomer.end();
      this.#newcomer = undefined;
    }
    const allowed = this.#hasSpoken ? MAX_JUNK_BYTES : 0;
    if (this.#framer.junkBytes > allowed) {
      this.#refuse(`${this.#framer.junkBytes} bytes that are not RTSP`);
    }
  }

  onEnd(cause: unknown): void {
    if (this.#framer.isHeld && !this.#isClosed) {
      this.#end = { cause };
      return;
    }
    this.#leave(cause === undefined ? 'closed by the client' : explain(cause));
    this.#onGone(this);
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    this.#dialogue.session?.onFrame(chunk, channel, start, end);
  }

  onMessage(message: RtspMessage): void {
    if (message.kind === 'response' || this.#isClosed) {
      return;
    }
    this.#hasSpoken = true;
    this.#heardMs = this.#clock.monoMs();
    if (this.#waiting.length >= MAX_WAITING_REQUESTS) {
      this.#refuse(`more than ${MAX_WAITING_REQUESTS} requests wait`);
      return;
    }
    this.#waiting.push(message);
    if (!this.#isAnswering) {
      void this.#answerAll();
    } else if (this.#waitingBytes() > MAX_WAITING_BYTES) {
      this.#refuse(`more than ${MAX_WAITING_BYTES} bytes of requests wait`);
    }
  }

  /** @param firstRequestMs for the first request to come; @param writeTimeoutMs for anything to leave while something waits */
  tick(nowMs: number, firstRequestMs: number, writeTimeoutMs: number): void {
    if (this.#isClosed) {
      this.#endWithin(nowMs, writeTimeoutMs);
      return;
    }
    const leftBytes = this.#outboundBytes - this.#channel.queuedBytes;
    if (leftBytes !== this.#leftBytes || this.#channel.queuedBytes === 0) {
      this.#leftBytes = leftBytes;
      this.#leftMs = nowMs;
    } else if (nowMs - this.#leftMs >= writeTimeoutMs) {
      this.close(`nothing could be sent for ${writeTimeoutMs / 1000} s`);
      return;
    }
    const limitMs = this.#hasSpoken ? IDLE_MS : firstRequestMs;
    if (!this.#dialogue.session && !this.#isAnswering && nowMs - this.#heardMs >= limitMs) {
      this.close(`no request for ${limitMs / 1000} s`);
    } else if (!this.#dialogue.session && this.#partialMs !== undefined && nowMs - this.#partialMs >= firstRequestMs) {
      this.close(`a request took more than ${firstRequestMs / 1000} s to come in`);
    }
  }

  describe(): RtspConnItem {
    return {
      id: this.id,
      created: new Date(this.#createdWallMs).toISOString(),
      remoteAddr: this.remote,
      session: this.#dialogue.session?.id ?? null,
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

  async #answerAll(): Promise<void> {
    this.#isAnswering = true;
    for (let request = this.#waiting.shift(); request && !this.#isClosed; request = this.#waiting.shift()) {
      const answer = await this.#answerOne(request);
      try {
        this.#send(request, answer);
      } catch (error) {
        this.#log.error({ err: error, method: request.method }, 'RTSP answer could not be sent');
        this.close('a fault of the server');
      }
    }
    this.#isAnswering = false;
    this.#heardMs = this.#clock.monoMs();
  }

  async #answerOne(request: RtspRequest): Promise<Answer> {
    try {
      const answer = await this.#dialogue.answer(request);
      this.#log.debug({ method: request.method, status: answer.status }, 'RTSP request');
      return answer;
    } catch (error) {
      const answer = answerTo(error);
      if (answer) {
        const { method, uri } = request;
        const path = this.#dialogue.session?.facts.target.name ?? shownPath(uri);
        this.#log.info({ path, method, status: answer.status, reason: explain(error) }, 'RTSP request refused');
        return answer;
      }
      // A fault of ours ends this connection and nothing else.
      this.#log.error({ err: error, method: request.method }, 'RTSP request failed');
      return { status: 500, ends: 'a fault of the server' };
    }
  }

  #send(request: RtspRequest, answer: Answer): void {
    const cseq = cseqOf(request);
    const numbered: HeaderField[] = cseq === undefined ? [] : [['CSeq', `${cseq}`]];
    const headers: HeaderField[] = [...numbered, ['Server', SERVER], ...(answer.headers ?? [])];
    const bytes = writeResponse(answer.status, headers, answer.body);
    if (this.#outboundBytes - this.#channel.queuedBytes >= this.#readEnd) {
      this.#unreadBytes = 0;
      this.#readEnd = this.#outboundBytes;
    }
    this.#unreadBytes += bytes.length;
    if (this.#unreadBytes > MAX_UNREAD_BYTES) {
      this.#refuse(`${MAX_UNREAD_BYTES} bytes of answers are not read`);
      return;
    }
    this.write(bytes);
    answer.after?.();
    if (answer.ends !== undefined) {
      this.finish(answer.ends);
    }
  }

  #readOn(): void {
    if (this.#isClosed || this.#isPaused) {
      return;
    }
    try {
      this.#framer.release();
    } catch (error) {
      this.#refuseFor(error);
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

  #refuseFor(error: unknown): void {
    if (!(error instanceof PerchError)) {
      throw error;
    }
    this.#refuse(explain(error));
  }

  #refuse(reason: string): void {
    this.#log.info({ reason }, 'RTSP connection refused');
    this.close(reason);
  }

  /** It has been ended in order, but the client need not do the same. */
  #endWithin(nowMs: number, writeTimeoutMs: number): void {
    this.#endsMs ??= nowMs + writeTimeoutMs;
    if (nowMs >= this.#endsMs) {
      this.#channel.destroy();
      this.#onGone(this);
    }
  }

  #leave(reason: string): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#newcomer?.end();
    this.#waiting.length = 0;
    this.#dialogue.session?.onLinkClosed(this);
    this.#log.debug({ reason }, 'RTSP connection closed');
  }
}

/** About as much as it takes in memory. */
function sizeOf({ uri, headers, body }: RtspRequest): number {
  return headers.fields.reduce((sum, [name, value]) => sum + name.length + value.length, uri.length + body.length);
}
