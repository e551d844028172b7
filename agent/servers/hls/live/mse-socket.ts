import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { ByteSink, SocketChannel } from '../../../base/network/socket-channel.ts';
import { codecOf, codecString } from '../../../media/codecs.ts';
import type { Track } from '../../../media/sample/track.ts';
import { closeFrame, pingFrame, pongFrame, textFrame, WebSocketDecoder } from '../../../media/websocket/frames.ts';
import type { LiveFragment } from './live-fragment.ts';
import type { LiveInit } from './live-fragments.ts';
import type { ViewerOutput } from './live-viewer.ts';
import {
  MSE_CLOSE,
  type MseError,
  type MseInit,
  type MseLeftOut,
  type MseMessage,
  type MseTrack,
} from './mse-protocol.ts';

const NO_MASK = new Uint8Array(0);
const NORMAL_CLOSURE = 1000;
const PROTOCOL_ERROR = 1002;
const PING = pingFrame();
const TICK_MS = 5_000;
const PING_AFTER_MS = 10_000;
const GONE_AFTER_MS = 25_000;
/** How long the client may take to read the rest and close. */
const CLOSING_MS = 5_000;

/** The server side of a WebSocket that carries a live stream, after the handshake. */
export class MseSocket implements ViewerOutput, ByteSink {
  /** Tracks that are not sent, for the next `init`. */
  leftOut: readonly MseLeftOut[] = [];
  readonly #channel: SocketChannel;
  readonly #clock: Clock;
  readonly #decoder: WebSocketDecoder;
  readonly #onGone: () => void;
  #heardMs: number;
  #stopTicking: () => void;
  #closingMs: number | undefined;

  /** @param onGone called once, when the connection has ended */
  constructor(channel: SocketChannel, clock: Clock, onGone: () => void) {
    this.#channel = channel;
    this.#clock = clock;
    this.#onGone = onGone;
    this.#heardMs = clock.monoMs();
    this.#decoder = new WebSocketDecoder(
      {
        onPayload: () => this.close(MSE_CLOSE.unwanted),
        onPing: (payload) => this.#answerPing(payload),
        onClose: () => this.close(NORMAL_CLOSURE),
      },
      true,
    );
    this.#stopTicking = clock.every(TICK_MS, () => this.#tick());
    channel.sink = this;
  }

  get queuedBytes(): number {
    return this.#channel.queuedBytes;
  }

  get isClosing(): boolean {
    return this.#closingMs !== undefined;
  }

  writeInit(init: LiveInit, startS: number, liveS: number): boolean {
    const { mimeCodec, tracks } = init;
    const message: MseInit = {
      type: 'init',
      mimeCodec,
      tracks: tracks.map(describe),
      leftOut: this.leftOut,
      startS,
      liveS,
    };
    this.#send(message);
    this.#write(init.message);
    return true;
  }

  writeFragment(fragment: LiveFragment): boolean {
    this.#write(fragment.message);
    return this.#channel.queuedBytes > 0;
  }

  writeClock(message: Buffer): void {
    this.#write(message);
  }

  writeSkip(toS: number): void {
    this.#send({ type: 'skip', toS });
  }

  end(code: MseError['code'], error: string, labels?: readonly string[]): void {
    this.#send({ type: 'error', code, error, ...(labels === undefined ? {} : { labels }) });
    this.close(MSE_CLOSE.reported);
  }

  /** @param code RFC 6455 §7.4 */
  close(code: number): void {
    if (this.#closingMs === undefined) {
      this.#write(closeFrame(code, NO_MASK));
      this.#closingMs = this.#clock.monoMs();
      this.#channel.end();
    }
  }

  onBytes(chunk: Uint8Array, length: number): void {
    this.#heardMs = this.#clock.monoMs();
    if (this.isClosing) {
      return;
    }
    try {
      this.#decoder.push(chunk, length);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.close(PROTOCOL_ERROR);
    }
  }

  onEnd(): void {
    this.#stopTicking();
    this.#closingMs ??= this.#clock.monoMs();
    this.#onGone();
  }

  #tick(): void {
    const nowMs = this.#clock.monoMs();
    const silentMs = nowMs - this.#heardMs;
    if (nowMs - (this.#closingMs ?? nowMs) >= CLOSING_MS || silentMs >= GONE_AFTER_MS) {
      this.#channel.destroy();
    } else if (silentMs >= PING_AFTER_MS) {
      this.#write(PING);
    }
  }

  #answerPing(payload: Uint8Array): void {
    // A peer that sends pings but reads no pongs gets no more of them.
    if (this.#channel.queuedBytes <= 64 << 10) {
      this.#write(pongFrame(payload, NO_MASK));
    }
  }

  #send(message: MseMessage): void {
    this.#write(textFrame(JSON.stringify(message)));
  }

  #write(bytes: Uint8Array): void {
    if (!this.isClosing) {
      this.#channel.write(bytes);
    }
  }
}

function describe(track: Track): MseTrack {
  const codec = codecString(track) ?? '';
  const label = codecOf(track).label;
  return track.kind === 'video'
    ? { kind: 'video', codec, label, width: track.width, height: track.height }
    : { kind: 'audio', codec, label };
}
