import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { ByteChannel } from '../../../base/network/socket-channel.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../media/rtp/header.ts';
import { REQUIRE_BACK_CHANNEL } from '../../../media/rtsp/message.ts';
import { openChannel } from '../../../transports/rtsp/channel/open-channel.ts';
import { type Address, joinControl } from '../../../transports/rtsp/request/address.ts';
import type { Authenticator } from '../../../transports/rtsp/request/authenticator.ts';
import { RtspConnection } from '../../../transports/rtsp/request/connection.ts';
import { MethodClient, Redirect } from '../../../transports/rtsp/request/method-client.ts';
import { cameraOf } from '../../../transports/tls/peer.ts';
import type { RtspSourceOptions } from '../request/settings.ts';
import type { RtpSender } from '../transport/track-transport.ts';
import { TrackTransports } from '../transport/track-transports.ts';
import { type Transport, TransportRefused } from '../transport/transport-choice.ts';
import { type BackTrack, backEncodings, findBackTrack } from './back-track.ts';
import { Packets } from './packet-size.ts';
import type { TalkSink } from './talk-encoder.ts';

const TICK_MS = 1_000;
/** Largest part of speech for an encoder: 120 ms. */
const MAX_PART_BYTES = 960;
/** The camera sends nothing unasked on this connection: replies to keep-alives show that it is alive. */
const KEEP_ALIVE_MS = 10_000;
/** Longest silence of a camera that answers keep-alives. */
const MAX_SILENCE_MS = 25_000;

/** An RTSP connection to a camera for its back channel only. */
export class TalkConnection {
  readonly #connection: RtspConnection;
  readonly #client: MethodClient;
  readonly #address: Address;
  readonly #options: RtspSourceOptions;
  readonly #clock: Clock;
  #track: BackTrack | undefined;
  #uri = '';
  #sender: AudioSender | undefined;
  #end: (cause: unknown) => void = () => {};

  /** @param opened the connection of a box; default: a new one to the address */
  constructor(
    address: Address,
    newAuthenticator: () => Authenticator,
    options: RtspSourceOptions,
    clock: Clock,
    signal: AbortSignal,
    opened?: ByteChannel,
  ) {
    const { name, readTimeoutMs: timeoutMs, sourceFingerprint: fingerprint = '' } = options;
    const peer = cameraOf(name);
    const channel = opened ?? openChannel(address, { peer, fingerprint, authenticator: newAuthenticator() });
    this.#connection = new RtspConnection(channel, address, peer, clock);
    this.#client = new MethodClient(this.#connection, address, newAuthenticator(), { peer, timeoutMs }, signal);
    this.#address = address;
    this.#options = options;
    this.#clock = clock;
  }

  /** Finds the back channel, without setting it up. @throws PerchError unsupported when there is none */
  async find(): Promise<BackTrack | Redirect> {
    await this.#client.queryMethods();
    const description = await this.#client.describe(true);
    if (description instanceof Redirect) {
      return description;
    }
    const track = findBackTrack(description.sdp);
    if (!track) {
      const others = backEncodings(description.sdp.medias).join(', ');
      const reason = others === '' ? '' : ` with G.711, G.726, AAC-LC or L16 of one channel, only with ${others}`;
      const message = `camera of path '${this.#options.name}' has no back channel${reason}`;
      throw new PerchError('unsupported', message, { path: this.#options.name });
    }
    this.#track = track;
    this.#uri = joinControl(this.#address, description.base, track.control);
    return track;
  }

  /** SETUP and PLAY, after `find`. @param transports best first @throws PerchError when the camera rejects the talk */
  async begin(transports: readonly Transport[]): Promise<void> {
    try {
      const sender = await this.#setup(transports);
      this.#sender = this.#track && new AudioSender(this.#track, sender);
      await this.#client.play([['Range', 'npt=0.000-'], REQUIRE_BACK_CHANNEL]);
    } catch (error) {
      const isRefusal = error instanceof PerchError && ('status' in error.context || error.code === 'unsupported');
      if (!isRefusal) {
        throw error;
      }
      // Dahua and Amcrest accept one client that talks.
      const message = `camera of path '${this.#options.name}' rejects two-way audio; another client may be using it`;
      throw new PerchError('unavailable', message, { path: this.#options.name }, error);
    }
  }

  send(payload: Uint8Array, ticks: number): void {
    this.#sender?.send(payload, ticks);
  }

  /** Keeps the session alive. @returns why the connection has ended, or the reason of `signal` */
  async watch(signal: AbortSignal): Promise<unknown> {
    const { promise: over, resolve } = Promise.withResolvers<unknown>();
    this.#end = resolve;
    const onAbort = (): void => resolve(signal.reason);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) {
      onAbort();
    }
    const stop = this.#clock.every(TICK_MS, this.#keepAlive());
    const cause = await Promise.race([over, this.#connection.ended]);
    stop();
    // The path's signal outlives this connection.
    signal.removeEventListener('abort', onAbort);
    return cause;
  }

  /** Never rejects. */
  async close(): Promise<void> {
    this.#sender?.close();
    this.#sender = undefined;
    await this.#client.teardown();
    this.#connection.fail(new PerchError('unavailable', 'connection is over'));
  }

  async #setup(transports: readonly Transport[]): Promise<RtpSender> {
    const tracks = new TrackTransports(this.#connection, this.#client, this.#address, this.#options, this.#clock);
    let refusal: unknown;
    for (const transport of transports) {
      try {
        return await tracks.addSender(this.#uri, transport, [REQUIRE_BACK_CHANNEL]);
      } catch (error) {
        if (!(error instanceof TransportRefused)) {
          throw error;
        }
        refusal ??= error.cause;
      }
    }
    throw refusal;
  }

  /** Keeps the session alive. @returns a function to call once a second */
  #keepAlive(): () => void {
    const everyMs = Math.min(KEEP_ALIVE_MS, this.#client.sessionMs / 2);
    let askedAtMs = this.#clock.monoMs();
    const beganAtMs = askedAtMs;
    let answers = false;
    return () => {
      this.#sender?.tick();
      const nowMs = this.#clock.monoMs();
      const { readAtMs } = this.#connection;
      answers ||= askedAtMs > beganAtMs && readAtMs >= askedAtMs;
      if (answers && nowMs - readAtMs >= MAX_SILENCE_MS) {
        const message = `camera of path '${this.#options.name}' has not answered for ${MAX_SILENCE_MS / 1000} s`;
        this.#end(new PerchError('timeout', message, { path: this.#options.name }));
      } else if (nowMs - askedAtMs >= everyMs) {
        askedAtMs = nowMs;
        this.#client.keepAlive();
      }
    };
  }
}

/** Sends audio to a camera as RTP (RFC 3551 §4.1: the marker bit starts a talkspurt). */
class AudioSender implements TalkSink {
  readonly #track: BackTrack;
  readonly #sender: RtpSender;
  readonly #ssrc = randomInt(1, 2 ** 32);
  readonly #ticksOffset = randomInt(2 ** 32);
  readonly #packets: Packets | undefined;
  #sequence = randomInt(2 ** 16);
  #isFirst = true;
  #isTalking = false;

  constructor(track: BackTrack, sender: RtpSender) {
    this.#track = track;
    this.#sender = sender;
    this.#packets = track.packets && new Packets(track.packets, this);
  }

  /** Called each second: the rest before a pause is sent. */
  tick(): void {
    if (!this.#isTalking) {
      this.#packets?.flush();
    }
    this.#isTalking = false;
  }

  /** @param ticks time of the first sample, from any start */
  send(audio: Uint8Array, ticks: number): void {
    const { encoder, channels } = this.#track;
    const sink = this.#packets ?? this;
    this.#isTalking = true;
    for (let at = 0; at < audio.length; at += MAX_PART_BYTES) {
      const part = audio.subarray(at, at + MAX_PART_BYTES);
      // One byte is one sample of one channel.
      const partTicks = ticks + at / channels;
      if (encoder) {
        encoder.encode(part, partTicks, sink);
      } else {
        sink.onPayload(part, partTicks, this.#isFirst);
        this.#isFirst = false;
      }
    }
  }

  onPayload(payload: Uint8Array, ticks: number, marker: boolean): void {
    const { payloadType } = this.#track.format;
    const packet = new Uint8Array(RTP_HEADER_BYTES + payload.length);
    writeRtpHeader(packet, 0, marker, payloadType, this.#sequence, this.#ticksOffset + ticks, this.#ssrc);
    packet.set(payload, RTP_HEADER_BYTES);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#sender.send(packet);
  }

  close(): void {
    this.#packets?.flush();
    this.#sender.close();
  }
}
