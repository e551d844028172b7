import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { parseRtcp, type RtcpSink, type SenderInfo } from '../../../media/rtcp/parse.ts';
import type { Track } from '../../../media/track.ts';
import { brokenPicture } from '../../../stream/ingest/broken-picture.ts';
import { Opening } from '../../../stream/ingest/opening.ts';
import { SenderPace } from '../../../stream/ingest/pace.ts';
import type { StreamSink } from '../../../stream/ingest/stream-sink.ts';
import { Timeline } from '../../../stream/ingest/timeline.ts';
import type { TrackReceiver, UnitOutput } from '../../../stream/ingest/track-receiver.ts';
import type { Inbound } from '../sdp/inbound.ts';
import { SrtpReceiver } from '../secure/srtp-receiver.ts';
import type { MediaStatistics, SecureLink } from '../session-media.ts';
import { Bandwidth } from './bandwidth.ts';
import { writeEstimate, writeNack, writePli } from './feedback.ts';
import { InboundTrack } from './inbound-track.ts';
import { KeyFrameWish } from './key-frame-wish.ts';

/** While something is missing. */
const LOOK_EVERY_MS = 10;
/** As long as a list of missing packets can be. */
const MAX_NACKED = 256;
/** Nobody can be made to wait over UDP: who sends so far ahead of real time is no live source. */
const MAX_SURPLUS_MS = 10_000;
/** A muted camera or microphone still sends; one that sends nothing for so long has stopped, whatever its connectivity checks say. */
const SILENT_MS = 30_000;
/** After the goodbye of all tracks (RTCP BYE), which may also be a pause of a moment: another camera is chosen. */
const LEFT_MS = 5_000;

const PAYLOAD_TYPES = 128;
const NOBODY = -1;

export interface IntakeOptions {
  readonly inbound: readonly Inbound[];
  /** Whose media it is, for messages. */
  readonly path: string;
  /** Tracks of which nothing has come by then are done without. */
  readonly gatherTimeoutMs: number;
}

/** What a peer sends, from SRTP packets to the samples of a stream. */
export class Intake implements UnitOutput, RtcpSink {
  /** Packets that no track wants. */
  unknown = 0;
  /** Packets that were damaged, foreign or seen before. */
  rejected = 0;
  readonly #options: IntakeOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #ssrc = randomInt(1, 2 ** 32);
  /** By payload type: twice the number of the track, and one more for what it sends again. */
  readonly #byType = new Int16Array(PAYLOAD_TYPES).fill(NOBODY);
  readonly #due = new Uint16Array(MAX_NACKED);
  readonly #bandwidth = new Bandwidth();
  #tracks: readonly InboundTrack[] = [];
  #pace = new SenderPace(0);
  #wish = new KeyFrameWish(0);
  #link: SecureLink | undefined;
  #srtp: SrtpReceiver | undefined;
  #opening: Opening | undefined;
  #startedMs = 0;
  #heardMs = 0;
  #stopLooking: (() => void) | undefined;
  #stopGathering: (() => void) | undefined;
  // Of the round that the bandwidth is measured in.
  #roundMs = 0;
  #roundBytes = 0;
  #lostBefore = 0;
  #expectedBefore = 0;

  constructor(options: IntakeOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  get statistics(): MediaStatistics {
    const sum = (of: (receiver: TrackReceiver) => number) =>
      this.#tracks.reduce((total, t) => total + of(t.receiver), 0);
    const jitters = this.#tracks.map(({ receiver }) => receiver.jitterTicks / receiver.format.clockRate);
    const trips = this.#tracks.flatMap(({ nack }) => nack?.roundTripMs ?? []);
    return {
      outboundBytes: 0,
      outboundPackets: 0,
      outboundReportedLost: 0,
      framesDiscarded: 0,
      inboundPackets: sum(({ packets }) => packets),
      inboundLost: sum(({ sequence }) => sequence.lost),
      jitterSeconds: Math.max(0, ...jitters),
      roundTripMs: trips.length > 0 ? Math.max(...trips) : undefined,
    };
  }

  /** @param sink gets the tracks when all are known, or the time for it is over */
  start(link: SecureLink, sink: StreamSink): void {
    const { inbound, path, gatherTimeoutMs } = this.#options;
    const timeline = new Timeline(this.#clock, sink.usesSenderClock);
    const receivers: TrackReceiver[] = [];
    const times = { soundMs: gatherTimeoutMs, pictureMs: gatherTimeoutMs };
    this.#opening = new Opening(sink, timeline, receivers, path, this.#log, 'publisher', times);
    this.#tracks = inbound.map((one) => new InboundTrack(one, timeline, this, this.#clock));
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
    this.#heardMs = this.#startedMs;
    this.#roundMs = this.#startedMs;
    this.#wish = new KeyFrameWish(this.#startedMs);
    this.#stopGathering = this.#clock.every(gatherTimeoutMs, () => this.#gathered());
  }

  /** Somebody who watches cannot go on, or begin, without a key frame. */
  requestKeyFrame(): void {
    this.#wish.want();
    this.#askForKeyFrame(this.#clock.monoMs());
  }

  /** An SRTP packet, decrypted in place. */
  onRtp(packet: Buffer): void {
    const length = this.#srtp?.unprotect(packet) ?? 0;
    if (length === 0) {
      this.rejected += 1;
      return;
    }
    const target = this.#byType[(packet[1] as number) & 0x7f] as number;
    if (target === NOBODY) {
      this.unknown += 1;
      return;
    }
    const nowMs = this.#clock.monoMs();
    const track = this.#tracks[target >> 1] as InboundTrack;
    this.#heardMs = nowMs;
    this.#roundBytes += length;
    try {
      if ((target & 1) === 0) {
        const isFirst = track.ssrc < 0;
        track.push(packet, length, nowMs);
        if (isFirst) {
          this.#sendEstimate();
        }
      } else {
        track.pushRepair(packet, length, nowMs);
      }
      this.#watchPace(target >> 1, track, nowMs);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#askForKeyFrame(nowMs);
    if (track.isWaiting) {
      this.#ask(track, nowMs);
      this.#stopLooking ??= this.#clock.every(LOOK_EVERY_MS, () => this.#look());
    }
  }

  /** A compound RTCP packet, decrypted. */
  onRtcp(compound: Buffer): void {
    try {
      parseRtcp(compound, 0, compound.length, this);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
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
      this.#wish.onKey(receiver.lastPacketMs);
    }
    this.#opening?.onUnit(receiver, ptsTicks, dtsTicks, key, data);
  }

  onTrack(receiver: TrackReceiver, track: Track): void {
    this.#opening?.onTrack(receiver, track);
  }

  onDamage(receiver: TrackReceiver, reason: string): void {
    if (receiver.isVideo) {
      this.#wish.want();
    }
    this.#opening?.onDamage(receiver, reason);
  }

  /** About once a second. */
  tick(): void {
    const nowMs = this.#clock.monoMs();
    try {
      this.#opening?.check(nowMs - this.#startedMs);
      this.#watchSender(nowMs);
    } catch (error) {
      this.#fail(error);
      return;
    }
    for (const { receiver, nack } of this.#tracks) {
      const report = receiver.receiverReport(this.#ssrc, nack?.repaired);
      if (report) {
        this.#link?.sendRtcp(report);
      }
    }
    this.#measure(nowMs);
    this.#sendEstimate();
  }

  close(): void {
    this.#stopLooking?.();
    this.#stopLooking = undefined;
    this.#stopGathering?.();
    this.#stopGathering = undefined;
    this.#link = undefined;
    this.#srtp = undefined;
  }

  #gathered(): void {
    this.#stopGathering?.();
    this.#stopGathering = undefined;
    try {
      if (this.#tracks.every(({ receiver }) => receiver.packets === 0)) {
        throw new PerchError('timeout', 'deadline exceeded while waiting tracks', { path: this.#options.path });
      }
      this.#opening?.check(this.#clock.monoMs() - this.#startedMs);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** While packets are missing. */
  #look(): void {
    const nowMs = this.#clock.monoMs();
    try {
      for (const track of this.#tracks) {
        track.flush(nowMs);
        this.#ask(track, nowMs);
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#askForKeyFrame(nowMs);
    if (!this.#tracks.some(({ isWaiting }) => isWaiting)) {
      this.#stopLooking?.();
      this.#stopLooking = undefined;
    }
  }

  #ask({ nack, ssrc }: InboundTrack, nowMs: number): void {
    const count = nack?.collect(nowMs, this.#due) ?? 0;
    if (count > 0) {
      this.#link?.sendRtcp(writeNack(this.#ssrc, ssrc, this.#due, count));
    }
  }

  #askForKeyFrame(nowMs: number): void {
    const picture = this.#tracks.find(({ receiver }) => receiver.isVideo);
    if (picture && picture.ssrc >= 0 && picture.takesPli && this.#wish.take(nowMs)) {
      this.#link?.sendRtcp(writePli(this.#ssrc, picture.ssrc));
    }
  }

  #sendEstimate(): void {
    const sources = this.#tracks.filter(({ takesEstimate, ssrc }) => takesEstimate && ssrc >= 0);
    if (sources.length > 0) {
      const ssrcs = sources.map(({ ssrc }) => ssrc);
      this.#link?.sendRtcp(writeEstimate(this.#ssrc, this.#bandwidth.bitsPerSecond, ssrcs));
    }
  }

  #measure(nowMs: number): void {
    const elapsedMs = nowMs - this.#roundMs;
    const lost = this.#tracks.reduce((sum, track) => sum + track.lostOnTheWay, 0);
    const expected = this.#tracks.reduce((sum, { receiver }) => sum + receiver.sequence.expected, 0);
    const expectedNow = expected - this.#expectedBefore;
    const queueMs = Math.min(...this.#tracks.map((track) => track.queueMs));
    if (elapsedMs > 0 && expectedNow > 0) {
      const bitsPerSecond = (this.#roundBytes * 8_000) / elapsedMs;
      this.#bandwidth.update(bitsPerSecond, (lost - this.#lostBefore) / expectedNow, queueMs);
    }
    this.#roundMs = nowMs;
    this.#roundBytes = 0;
    this.#lostBefore = lost;
    this.#expectedBefore = expected;
    for (const track of this.#tracks) {
      track.queueMs = Number.POSITIVE_INFINITY;
    }
  }

  #watchPace(number: number, { receiver }: InboundTrack, nowMs: number): void {
    const { timeline, format } = receiver;
    if (timeline.hasArrived) {
      const mediaMs = (timeline.newestTicks * 1000) / format.clockRate;
      if (this.#pace.push(number, mediaMs, nowMs, MAX_SURPLUS_MS)) {
        throw new PerchError(
          'badInput',
          'publisher sends faster than real time, which cannot be slowed down (ffmpeg: -re)',
        );
      }
    }
  }

  #watchSender(nowMs: number): void {
    const silentMs = nowMs - this.#heardMs;
    if (silentMs >= SILENT_MS) {
      throw new PerchError('timeout', `publisher has sent no media for ${SILENT_MS / 1000} s`);
    }
    if (silentMs >= LEFT_MS && this.#tracks.every(({ receiver }) => receiver.hasLeft)) {
      throw new PerchError('unavailable', 'the publisher has said goodbye (RTCP BYE)');
    }
    for (const { receiver } of this.#tracks) {
      const fault = this.#opening?.hasLeftOut(receiver) ? undefined : brokenPicture(receiver, this.#startedMs, nowMs);
      if (fault !== undefined) {
        throw new PerchError('unavailable', `publisher of path '${this.#options.path}' ${fault}`);
      }
    }
  }

  #receiverOf(ssrc: number): TrackReceiver | undefined {
    return this.#tracks.find((track) => track.ssrc === ssrc)?.receiver;
  }

  #fail(error: unknown): void {
    if (!(error instanceof PerchError)) {
      this.#log.error({ err: error }, 'fault in what takes a publisher');
    }
    this.#link?.close(explain(error));
  }
}
