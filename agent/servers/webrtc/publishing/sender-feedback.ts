import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { writeEmptyReport, writePli } from '../../../media/rtcp/write.ts';
import { RECEIVER_CNAME } from '../../../stream/ingest/track-receiver.ts';
import type { SecureLink } from '../session/session-media.ts';
import { Bandwidth } from './bandwidth.ts';
import { writeEstimate, writeNack } from './feedback.ts';
import type { InboundTrack } from './inbound-track.ts';
import { KeyFrameWish } from './key-frame-wish.ts';

/** While something is missing. */
const LOOK_EVERY_MS = 10;
/** How often it is measured what the sender's link takes. */
const ROUND_MS = 500;
/** As long as a list of missing packets can be. */
const MAX_NACKED = 256;

/** What a sender is told about what comes from it: lost packets, wishes for key frames, reports, what it may send. */
export class SenderFeedback {
  readonly #link: SecureLink;
  readonly #tracks: readonly InboundTrack[];
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  readonly #ssrc = randomInt(1, 2 ** 32);
  readonly #emptyReport = writeEmptyReport(this.#ssrc, RECEIVER_CNAME);
  readonly #due = new Uint16Array(MAX_NACKED);
  readonly #bandwidth = new Bandwidth();
  readonly #wish: KeyFrameWish;
  readonly #stopRounds: () => void;
  #stopLooking: (() => void) | undefined;
  // Of the round that the bandwidth is measured in.
  #roundMs: number;
  #roundBytes = 0;
  #lostBefore = 0;
  #expectedBefore = 0;

  /** @param onFault what a track's samples go to has thrown, when the time of a missing packet was over */
  constructor(link: SecureLink, tracks: readonly InboundTrack[], clock: Clock, onFault: (error: unknown) => void) {
    this.#link = link;
    this.#tracks = tracks;
    this.#clock = clock;
    this.#onFault = onFault;
    this.#roundMs = clock.monoMs();
    this.#wish = new KeyFrameWish(this.#roundMs);
    this.#stopRounds = clock.every(ROUND_MS, () => this.#measure());
  }

  /** A packet of a track was taken. */
  onPacket(track: InboundTrack, bytes: number, nowMs: number): void {
    this.#roundBytes += bytes;
    this.#askForKeyFrame(nowMs);
    if (track.isWaiting) {
      this.#askForLost(track, nowMs);
      this.#stopLooking ??= this.#clock.every(LOOK_EVERY_MS, () => this.#look());
    }
  }

  /** A whole key frame has come. */
  onKey(nowMs: number): void {
    this.#wish.onKey(nowMs);
  }

  /** Somebody cannot go on, or begin, without a key frame; it is asked for with the next packet. */
  wantKeyFrame(): void {
    this.#wish.want();
  }

  requestKeyFrame(): void {
    this.#wish.want();
    this.#askForKeyFrame(this.#clock.monoMs());
  }

  /** A receiver report for each track. */
  report(): void {
    for (const { receiver, nack } of this.#tracks) {
      const report = receiver.receiverReport(this.#ssrc, nack?.repaired);
      if (report) {
        this.#link.sendRtcp(report);
      }
    }
  }

  sendEstimate(): void {
    const sources = this.#tracks.filter(({ takesEstimate, ssrc }) => takesEstimate && ssrc >= 0);
    if (sources.length > 0) {
      const ssrcs = sources.map(({ ssrc }) => ssrc);
      const estimate = writeEstimate(this.#ssrc, this.#bandwidth.bitsPerSecond, ssrcs);
      this.#send(
        estimate,
        sources.every(({ hasReducedSize }) => hasReducedSize),
      );
    }
  }

  close(): void {
    this.#stopRounds();
    this.#stopLooking?.();
    this.#stopLooking = undefined;
  }

  /** While packets are missing. */
  #look(): void {
    const nowMs = this.#clock.monoMs();
    try {
      for (const track of this.#tracks) {
        track.flush(nowMs);
        this.#askForLost(track, nowMs);
      }
    } catch (error) {
      this.#onFault(error);
      return;
    }
    this.#askForKeyFrame(nowMs);
    if (!this.#tracks.some(({ isWaiting }) => isWaiting)) {
      this.#stopLooking?.();
      this.#stopLooking = undefined;
    }
  }

  #askForLost({ nack, ssrc, hasReducedSize }: InboundTrack, nowMs: number): void {
    const count = nack?.collect(nowMs, this.#due) ?? 0;
    if (count > 0) {
      this.#send(writeNack(this.#ssrc, ssrc, this.#due, count), hasReducedSize);
    }
  }

  #askForKeyFrame(nowMs: number): void {
    for (let i = 0; i < this.#tracks.length; i += 1) {
      const { receiver, ssrc, takesPli, hasReducedSize } = this.#tracks[i] as InboundTrack;
      if (receiver.isVideo && takesPli && ssrc >= 0 && this.#wish.take(nowMs)) {
        this.#send(writePli(this.#ssrc, ssrc), hasReducedSize);
      }
    }
  }

  /** RFC 3550 §6.1: a datagram begins with a report and our name, unless it was agreed that it need not (RFC 5506 §5). */
  #send(feedback: Uint8Array, mayStandAlone: boolean): void {
    this.#link.sendRtcp(mayStandAlone ? feedback : Buffer.concat([this.#emptyReport, feedback]));
  }

  #measure(): void {
    const nowMs = this.#clock.monoMs();
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
    this.sendEstimate();
  }
}
