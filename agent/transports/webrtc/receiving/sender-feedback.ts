import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { writeEmptyReport, writePli } from '../../../media/rtcp/write.ts';
import { RECEIVER_CNAME } from '../../../stream/ingest/reception.ts';
import type { SecureLink } from '../link/session-media.ts';
import type { InboundTrack } from './inbound-track.ts';

/** Interval of the checks while packets are missing. */
const CHECK_EVERY_MS = 10;
/** How often the sender's bandwidth is estimated. */
const ROUND_MS = 500;

/** Feedback to a sender: missing packets, key frame requests, reports and a bandwidth estimate. */
export class SenderFeedback {
  readonly #link: SecureLink;
  readonly #tracks: readonly InboundTrack[];
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  readonly #ssrc = randomInt(1, 2 ** 32);
  readonly #emptyReport = writeEmptyReport(this.#ssrc, RECEIVER_CNAME);
  readonly #due = new Uint16Array(256);
  readonly #estimator = new BandwidthEstimator();
  readonly #keyFrameRequests: KeyFrameRequests;
  readonly #stopRounds: () => void;
  #stopChecking: (() => void) | undefined;
  // Start and bytes of the current estimation round, and the packet counts at its start.
  #roundMs: number;
  #roundBytes = 0;
  #lostBefore = 0;
  #expectedBefore = 0;

  /** @param onFault an error thrown by the receiver of samples when a missing packet expired */
  constructor(link: SecureLink, tracks: readonly InboundTrack[], clock: Clock, onFault: (error: unknown) => void) {
    this.#link = link;
    this.#tracks = tracks;
    this.#clock = clock;
    this.#onFault = onFault;
    this.#roundMs = clock.monoMs();
    this.#keyFrameRequests = new KeyFrameRequests(this.#roundMs);
    this.#stopRounds = clock.every(ROUND_MS, () => this.#measure());
  }

  onPacket(track: InboundTrack, bytes: number, nowMs: number): void {
    this.#roundBytes += bytes;
    this.#requestDueKeyFrame(nowMs);
    if (track.isWaiting) {
      this.#requestMissing(track, nowMs);
      this.#stopChecking ??= this.#clock.every(CHECK_EVERY_MS, () => this.#checkMissing());
    }
  }

  onKeyFrame(nowMs: number): void {
    this.#keyFrameRequests.onKeyFrame(nowMs);
  }

  /** A viewer or decoder needs a key frame; the next packet triggers the request. */
  wantKeyFrame(): void {
    this.#keyFrameRequests.want();
  }

  requestKeyFrame(): void {
    this.#keyFrameRequests.want();
    this.#requestDueKeyFrame(this.#clock.monoMs());
  }

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
      const estimate = writeEstimate(this.#ssrc, this.#estimator.bitsPerSecond, ssrcs);
      this.#send(
        estimate,
        sources.every(({ hasReducedSize }) => hasReducedSize),
      );
    }
  }

  close(): void {
    this.#stopRounds();
    this.#stopChecking?.();
    this.#stopChecking = undefined;
  }

  #checkMissing(): void {
    const nowMs = this.#clock.monoMs();
    try {
      for (const track of this.#tracks) {
        track.flush(nowMs);
        this.#requestMissing(track, nowMs);
      }
    } catch (error) {
      this.#onFault(error);
      return;
    }
    this.#requestDueKeyFrame(nowMs);
    if (!this.#tracks.some(({ isWaiting }) => isWaiting)) {
      this.#stopChecking?.();
      this.#stopChecking = undefined;
    }
  }

  #requestMissing({ nack, ssrc, hasReducedSize }: InboundTrack, nowMs: number): void {
    const count = nack?.collect(nowMs, this.#due) ?? 0;
    if (count > 0) {
      this.#send(writeNack(this.#ssrc, ssrc, this.#due, count), hasReducedSize);
    }
  }

  #requestDueKeyFrame(nowMs: number): void {
    for (let i = 0; i < this.#tracks.length; i += 1) {
      const { receiver, ssrc, takesPli, hasReducedSize } = this.#tracks[i] as InboundTrack;
      if (receiver.isVideo && takesPli && ssrc >= 0 && this.#keyFrameRequests.take(nowMs)) {
        this.#send(writePli(this.#ssrc, ssrc), hasReducedSize);
      }
    }
  }

  /** RFC 3550 §6.1: a datagram begins with a report and a CNAME unless reduced size was agreed on (RFC 5506 §5). */
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
      this.#estimator.update(bitsPerSecond, (lost - this.#lostBefore) / expectedNow, queueMs);
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

/** Enough for small video over a phone's uplink; the estimate adapts within a second. */
const START_BITS_PER_SECOND = 1_500_000;
/** Below LOW_LOSS the link is fine, above HEAVY_LOSS it is full: draft-ietf-rmcat-gcc §6, as in browsers. */
const LOW_LOSS = 0.02;
const HEAVY_LOSS = 0.1;
/** When all packets are this late, they are queued; a single late one belongs to a key frame. */
const QUEUEING_MS = 150;
/** A sender that uses its estimate may send half as much again in the next round. */
const HEADROOM = 1.5;
const BACK_OFF = 0.85;
/** A link that was full once is probed carefully, and only for senders that use their estimate. */
const SLOW_GROWTH = 1.04;
const SMALL_HEADROOM = 1.1;

/**
 * Estimates what a publisher may send (REMB). Without REMB Chromium starts at 300 kbit/s and takes 15 s to reach 1
 * Mbit/s. It follows REMB at once in its first two seconds, later by 8 % a second.
 */
export class BandwidthEstimator {
  #bitsPerSecond = START_BITS_PER_SECOND;
  #wasFull = false;

  get bitsPerSecond(): number {
    return this.#bitsPerSecond;
  }

  /**
   * Called once per round of about half a second.
   * @param receivedBitsPerSecond in this round
   * @param lost share of the expected packets, 0 to 1, repaired ones included
   * @param queueMs delay of the round's fastest packet beyond the minimum of the last seconds
   */
  update(receivedBitsPerSecond: number, lost: number, queueMs: number): void {
    if (lost > HEAVY_LOSS || queueMs > QUEUEING_MS) {
      this.#wasFull = true;
      this.#bitsPerSecond = Math.min(this.#bitsPerSecond, BACK_OFF * receivedBitsPerSecond);
    } else if (lost < LOW_LOSS) {
      const reach = this.#wasFull
        ? Math.min(SMALL_HEADROOM * receivedBitsPerSecond, SLOW_GROWTH * this.#bitsPerSecond)
        : HEADROOM * receivedBitsPerSecond;
      this.#bitsPerSecond = Math.max(this.#bitsPerSecond, reach);
    }
    this.#bitsPerSecond = Math.min(100_000_000, Math.max(150_000, this.#bitsPerSecond));
  }
}

/** The shortest pause after a request that was answered: more key frames cost more bits than they are worth. */
const MIN_PAUSE_MS = 500;
/** A large key frame takes time on a slow link. The pause doubles with each retry. */
const FIRST_RETRY_MS = 1_000;
/**
 * Browsers send key frames only on request. Each costs a phone's uplink as much as ten other frames, so they are
 * requested on demand, but at least this often: segments, parts and recordings begin with one.
 */
const MAX_GROUP_MS = 4_000;

/**
 * When to request a key frame from a publisher: at the start, after damage, for a reader, and when the GOP gets long.
 */
export class KeyFrameRequests {
  #isWanted = true;
  #pauseMs = MIN_PAUSE_MS;
  #requestedMs: number;
  #keyMs: number;

  /** A sender starts with a key frame by itself: none is requested before it is overdue. */
  constructor(nowMs: number) {
    this.#requestedMs = nowMs;
    this.#keyMs = nowMs;
  }

  want(): void {
    this.#isWanted = true;
  }

  onKeyFrame(nowMs: number): void {
    this.#isWanted = false;
    this.#pauseMs = MIN_PAUSE_MS;
    this.#keyMs = nowMs;
  }

  /** @returns whether to send a request now; counts it as sent */
  take(nowMs: number): boolean {
    const isWanted = this.#isWanted || nowMs - this.#keyMs >= MAX_GROUP_MS;
    if (!isWanted || nowMs - this.#requestedMs < this.#pauseMs) {
      return false;
    }
    this.#pauseMs = this.#pauseMs < FIRST_RETRY_MS ? FIRST_RETRY_MS : Math.min(4_000, 2 * this.#pauseMs);
    this.#requestedMs = nowMs;
    return true;
  }
}

// RTCP feedback, RFC 4585 §6.1: version (2), padding, format (5), type (8), length in words minus one (16), our SSRC, theirs.
const TRANSPORT_FEEDBACK = 205;
const PAYLOAD_FEEDBACK = 206;
const GENERIC_NACK = 1;
const APPLICATION_LAYER = 15;
const HEADER_BYTES = 12;
const MASK_BITS = 16;
/** "REMB", draft-alvestrand-rmcat-remb §2.2. */
const REMB = 0x52454d42;
const MANTISSA_BITS = 18;

/** Generic NACK, RFC 4585 §6.2.1. @param sequences the first `count`, in order */
export function writeNack(ssrc: number, mediaSsrc: number, sequences: Uint16Array, count: number): Buffer {
  const items: number[] = [];
  let named = 0;
  for (let i = 0; i < count; i += 1) {
    const sequence = sequences[i] as number;
    const behind = (sequence - named) & 0xffff;
    if (items.length > 0 && behind > 0 && behind <= MASK_BITS) {
      items[items.length - 1] = (items[items.length - 1] as number) | (1 << (behind - 1));
    } else {
      named = sequence;
      items.push(sequence * 0x1_0000);
    }
  }
  const packet = feedback(TRANSPORT_FEEDBACK, GENERIC_NACK, ssrc, mediaSsrc, 4 * items.length);
  for (const [i, item] of items.entries()) {
    packet.writeUInt32BE(item >>> 0, HEADER_BYTES + 4 * i);
  }
  return packet;
}

/** REMB for these sources together. */
export function writeEstimate(ssrc: number, bitsPerSecond: number, mediaSsrcs: readonly number[]): Buffer {
  const packet = feedback(PAYLOAD_FEEDBACK, APPLICATION_LAYER, ssrc, 0, 8 + 4 * mediaSsrcs.length);
  const bits = Math.floor(Math.log2(Math.max(1, bitsPerSecond))) + 1;
  const exponent = Math.max(0, bits - MANTISSA_BITS);
  packet.writeUInt32BE(REMB, HEADER_BYTES);
  packet[HEADER_BYTES + 4] = mediaSsrcs.length;
  packet.writeUIntBE(exponent * 2 ** MANTISSA_BITS + Math.floor(bitsPerSecond / 2 ** exponent), HEADER_BYTES + 5, 3);
  for (const [i, source] of mediaSsrcs.entries()) {
    packet.writeUInt32BE(source, HEADER_BYTES + 8 + 4 * i);
  }
  return packet;
}

function feedback(type: number, format: number, ssrc: number, mediaSsrc: number, bodyBytes: number): Buffer {
  const packet = Buffer.alloc(HEADER_BYTES + bodyBytes);
  packet[0] = 0x80 | format;
  packet[1] = type;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
  packet.writeUInt32BE(ssrc, 4);
  packet.writeUInt32BE(mediaSsrc, 8);
  return packet;
}
