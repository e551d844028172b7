import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { parseRtcp, type RtcpSink, type SenderInfo } from '../../../media/rtcp/parse.ts';
import type { Track } from '../../../media/sample/track.ts';
import type { StreamSink } from '../../../stream/contracts.ts';
import type { UnitOutput } from '../../../stream/ingest/inbound-track.ts';
import { SenderPace } from '../../../stream/ingest/pace.ts';
import { StreamWriter } from '../../../stream/ingest/stream-writer.ts';
import { Timeline } from '../../../stream/ingest/timeline.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import { type MediaStatistics, NO_OUTBOUND, type SecureLink } from '../link/session-media.ts';
import type { RemoteTrack } from '../sdp/inbound.ts';
import { SrtpReceiver } from '../srtp/srtp-receiver.ts';
import { InboundTrack } from './inbound-track.ts';
import { SenderFeedback } from './sender-feedback.ts';

/** How far a source may run ahead of real time: UDP has no back-pressure, and no live source is this far ahead. */
const MAX_SURPLUS_MS = 10_000;
/**
 * A muted camera or microphone still sends. A peer silent for this long has stopped, even if connectivity checks
 * continue.
 */
const SILENT_MS = 30_000;
/** Silence after RTCP BYE on all tracks that ends the session. A shorter pause is a switch of cameras. */
const LEFT_MS = 5_000;

const PAYLOAD_TYPES = 128;
const NO_TRACK = -1;

export interface MediaReceiverOptions {
  readonly inbound: readonly RemoteTrack[];
  /** Name of the path, for messages. */
  readonly path: string;
  readonly query?: string;
  /** Tracks that have no packets after this time are left out until they come. */
  readonly gatherTimeoutMs: number;
  /** What messages call the sender; default: publisher. */
  readonly sender?: 'publisher' | 'sender';
}

export class MediaReceiver implements UnitOutput, RtcpSink {
  /** Packets of an unknown payload type. */
  unknown = 0;
  /** Damaged, forged or repeated packets. */
  rejected = 0;
  readonly #options: MediaReceiverOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Twice the track's number, plus one for its retransmissions, by payload type; -1: no track. */
  readonly #byType = new Int16Array(PAYLOAD_TYPES).fill(NO_TRACK);
  #tracks: readonly InboundTrack[] = [];
  #pace = new SenderPace(0);
  #link: SecureLink | undefined;
  #srtp: SrtpReceiver | undefined;
  #streamWriter: StreamWriter | undefined;
  #feedback: SenderFeedback | undefined;
  #startedMs = 0;
  #lastPacketMs = 0;
  #stopGathering: (() => void) | undefined;

  constructor(options: MediaReceiverOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  get #sender(): 'publisher' | 'sender' {
    return this.#options.sender ?? 'publisher';
  }

  get statistics(): MediaStatistics {
    const sum = (of: (receiver: TrackReceiver) => number) =>
      this.#tracks.reduce((total, { receiver }) => total + of(receiver), 0);
    const jitters = this.#tracks.map(({ receiver }) => receiver.jitterTicks / receiver.format.clockRate);
    const trips = this.#tracks.flatMap(({ nack }) => nack?.roundTripMs ?? []);
    return {
      ...NO_OUTBOUND,
      inboundPackets: sum(({ packets }) => packets),
      inboundLost: sum(({ sequence }) => sequence.lost),
      jitterSeconds: Math.max(0, ...jitters),
      roundTripMs: trips.length > 0 ? Math.max(...trips) : undefined,
    };
  }

  /**
   * @param sink receives the tracks once all are known or the time for that is over
   * @throws PerchError unsupported if no track remains
   */
  start(link: SecureLink, sink: StreamSink): void {
    const { inbound, path, gatherTimeoutMs } = this.#options;
    const timeline = new Timeline(this.#clock, sink.usesSenderClock);
    const receivers: TrackReceiver[] = [];
    const times = { soundMs: gatherTimeoutMs, pictureMs: gatherTimeoutMs };
    this.#streamWriter = new StreamWriter(sink, timeline, receivers, path, this.#log, this.#sender, times);
    const taken = sink.isSilent ? inbound.filter(({ kind }) => kind !== 'audio') : inbound;
    if (taken.length === 0) {
      const message = `${this.#sender} of path '${path}' sends only audio, which the path drops (audio: no)`;
      throw new PerchError('unsupported', message, { path });
    }
    this.#tracks = taken.map((one) => new InboundTrack(one, timeline, this, this.#clock));
    for (const [i, { receiver, rtxPayloadType }] of this.#tracks.entries()) {
      receivers.push(receiver);
      this.#byType[receiver.format.payloadType] = 2 * i;
      if (rtxPayloadType >= 0) {
        this.#byType[rtxPayloadType] = 2 * i + 1;
      }
    }
    this.#link = link;
    this.#srtp = new SrtpReceiver(link.keys);
    this.#pace = new SenderPace(this.#tracks.length);
    this.#startedMs = this.#clock.monoMs();
    this.#lastPacketMs = this.#startedMs;
    this.#streamWriter.waitFrom(this.#startedMs);
    this.#feedback = new SenderFeedback(link, this.#tracks, this.#clock, (error) => this.#fail(error));
    this.#stopGathering = this.#clock.every(gatherTimeoutMs, () => this.#onGatherTimeout());
  }

  requestKeyFrame(): void {
    this.#feedback?.requestKeyFrame();
  }

  /** An SRTP packet; decrypted in place. */
  onRtp(packet: Buffer): void {
    const length = this.#srtp?.unprotect(packet) ?? 0;
    if (length === 0) {
      this.rejected += 1;
      return;
    }
    const target = this.#byType[(packet[1] as number) & 0x7f] as number;
    if (target === NO_TRACK) {
      this.unknown += 1;
      return;
    }
    const nowMs = this.#clock.monoMs();
    const number = target >> 1;
    const track = this.#tracks[number] as InboundTrack;
    const isFirst = track.ssrc < 0;
    this.#lastPacketMs = nowMs;
    try {
      if ((target & 1) === 0) {
        track.push(packet, length, nowMs);
      } else {
        track.pushRepair(packet, length, nowMs);
      }
      this.#checkPace(number, track, nowMs);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#feedback?.onPacket(track, length, nowMs);
    if (isFirst) {
      this.#feedback?.sendEstimate();
    }
  }

  onRtcp(compound: Buffer): void {
    try {
      parseRtcp(compound, 0, compound.length, this);
    } catch (error) {
      rethrowUnexpected(error);
      this.rejected += 1;
    }
  }

  onSenderReport(info: SenderInfo): void {
    this.#receiverOf(info.ssrc)?.onSenderReport(info);
  }

  onBye(ssrc: number): void {
    this.#receiverOf(ssrc)?.onBye(ssrc);
  }

  onUnit(receiver: TrackReceiver, ptsTicks: number, dtsTicks: number, key: boolean, data: Uint8Array): void {
    if (key && receiver.isVideo) {
      this.#feedback?.onKeyFrame(receiver.lastPacketMs);
    }
    this.#streamWriter?.onUnit(receiver, ptsTicks, dtsTicks, key, data);
  }

  onTrack(receiver: TrackReceiver, track: Track): void {
    this.#streamWriter?.onTrack(receiver, track);
  }

  onDamage(receiver: TrackReceiver, reason: string): void {
    if (receiver.isVideo) {
      this.#feedback?.wantKeyFrame();
    }
    this.#streamWriter?.onDamage(receiver, reason);
  }

  onStray(receiver: TrackReceiver, reason: string): void {
    this.#streamWriter?.onStray(receiver, reason);
  }

  tick(): void {
    const nowMs = this.#clock.monoMs();
    try {
      this.#streamWriter?.check(nowMs);
      this.#checkSender(nowMs);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#feedback?.report();
  }

  close(): void {
    const foreign = this.#tracks.reduce((sum, track) => sum + track.foreign, 0);
    if (this.unknown + this.rejected + foreign > 0) {
      const facts = { unknownType: this.unknown, rejected: this.rejected, foreign };
      this.#log.debug(facts, `${this.#sender} sent unusable packets`);
    }
    this.#stopGathering?.();
    this.#stopGathering = undefined;
    this.#feedback?.close();
    this.#feedback = undefined;
    this.#link = undefined;
    this.#srtp = undefined;
  }

  #onGatherTimeout(): void {
    this.#stopGathering?.();
    this.#stopGathering = undefined;
    try {
      if (this.#tracks.every(({ receiver }) => receiver.packets === 0)) {
        throw new PerchError('timeout', 'deadline exceeded while waiting tracks', { path: this.#options.path });
      }
      this.#streamWriter?.check(this.#clock.monoMs());
    } catch (error) {
      this.#fail(error);
    }
  }

  #checkPace(number: number, { receiver }: InboundTrack, nowMs: number): void {
    const { timeline, format } = receiver;
    if (timeline.hasArrived) {
      const mediaMs = (timeline.newestTicks * 1000) / format.clockRate;
      if (this.#pace.push(number, mediaMs, nowMs, MAX_SURPLUS_MS)) {
        const message = `${this.#sender} sends faster than real time, which cannot be slowed down (ffmpeg: -re)`;
        throw new PerchError('badInput', message);
      }
    }
  }

  #checkSender(nowMs: number): void {
    const silentMs = nowMs - this.#lastPacketMs;
    if (silentMs >= SILENT_MS) {
      throw new PerchError('timeout', `${this.#sender} has sent no media for ${SILENT_MS / 1000} s`);
    }
    const heard = this.#tracks.filter(({ ssrc }) => ssrc >= 0);
    if (silentMs >= LEFT_MS && heard.length > 0 && heard.every(({ receiver }) => receiver.hasLeft)) {
      throw new PerchError('unavailable', `${this.#sender} has left (RTCP BYE)`);
    }
    this.#streamWriter?.checkPictures(nowMs, this.#startedMs);
  }

  #receiverOf(ssrc: number): TrackReceiver | undefined {
    return this.#tracks.find((track) => track.ssrc === ssrc)?.receiver;
  }

  #fail(error: unknown): void {
    if (!(error instanceof PerchError)) {
      this.#log.error({ err: error }, `fault while receiving from a ${this.#sender}`);
    }
    this.#link?.close(explain(error));
  }
}
