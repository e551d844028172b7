import type { Clock } from '../../../base/clock.ts';
import { rethrowUnexpected } from '../../../base/errors.ts';
import { RtpHeader } from '../../../media/rtp/header.ts';
import type { UnitOutput } from '../../../stream/ingest/inbound-track.ts';
import type { ReorderLimits } from '../../../stream/ingest/reorder-buffer.ts';
import type { Timeline } from '../../../stream/ingest/timeline.ts';
import { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { RemoteTrack } from '../sdp/inbound.ts';
import { NackList } from './nack-list.ts';

/** With retransmission, missing packets are awaited for several round trips at 20 Mbit/s. */
const REPAIRED: ReorderLimits = { windowPackets: 1_024, longestWaitMs: 500 };
/** Without retransmission, nothing arrives after this long; waiting would only delay audio. */
const UNREPAIRED: ReorderLimits = { windowPackets: 256, longestWaitMs: 100 };
/** A track stays with one SSRC until that has been silent for this long, so that simulcast layers never mix. */
const SILENT_MS = 1_000;
/** Bytes of the original sequence number, RFC 4588 §4. */
const OSN_BYTES = 2;

/** One received video or audio track: reorders its packets and tracks missing ones. */
export class InboundTrack {
  readonly receiver: TrackReceiver;
  /** Payload type of retransmissions; -1: the sender has none. */
  readonly rtxPayloadType: number;
  readonly takesPli: boolean;
  readonly takesEstimate: boolean;
  readonly hasReducedSize: boolean;
  /** Missing packets to request, or undefined if the sender does not retransmit. */
  readonly nack: NackList | undefined;
  /** SSRC of the current sender; -1 before the first packet. */
  ssrc = -1;
  /** Packets from other SSRCs. */
  foreign = 0;
  /** Delay of the fastest packet since the last reset beyond the minimum; infinite without packets. */
  queueMs = Number.POSITIVE_INFINITY;
  readonly #header = new RtpHeader();
  readonly #payloadType: number;
  readonly #limits: ReorderLimits;
  #lastMs = 0;

  constructor(remote: RemoteTrack, timeline: Timeline, output: UnitOutput, clock: Clock) {
    const { format, rtx, takesNack } = remote;
    this.receiver = new TrackReceiver(format, timeline, output, clock);
    this.#payloadType = format.payloadType;
    this.rtxPayloadType = rtx?.payloadType ?? -1;
    this.takesPli = remote.takesPli;
    this.takesEstimate = remote.takesEstimate;
    this.hasReducedSize = remote.hasReducedSize;
    this.#limits = takesNack ? REPAIRED : UNREPAIRED;
    this.nack = takesNack ? new NackList(this.#limits.longestWaitMs, rtx !== undefined) : undefined;
    this.receiver.reorder(this.#limits);
  }

  /** Packets are missing: `flush` must be called soon. */
  get isWaiting(): boolean {
    return this.receiver.isWaiting || this.nack?.isEmpty === false;
  }

  /** Packets lost in transit, repaired ones included. */
  get lostOnTheWay(): number {
    return this.receiver.sequence.lost + (this.nack?.repaired ?? 0);
  }

  /** A decrypted RTP packet of the track's payload type in `packet[0, length)`. */
  push(packet: Buffer, length: number, atMs: number): void {
    const ssrc = packet.readUInt32BE(8);
    if (ssrc !== this.ssrc && !this.#switchSsrc(ssrc, atMs)) {
      this.foreign += 1;
      return;
    }
    this.#lastMs = atMs;
    this.#take(packet, 0, length, atMs, false);
  }

  /** A retransmission, RFC 4588 §4: its payload starts with the original sequence number. */
  pushRepair(packet: Buffer, length: number, atMs: number): void {
    const header = this.#header;
    try {
      header.parse(packet, 0, length);
    } catch (error) {
      rethrowUnexpected(error);
      this.receiver.reception.badPackets += 1;
      return;
    }
    // Padding that probes the bandwidth has no payload; a probe may also be an old packet that is not missing.
    if (this.ssrc < 0 || header.payloadEnd - header.payloadStart < OSN_BYTES) {
      return;
    }
    const sequence = packet.readUInt16BE(header.payloadStart);
    if (this.nack?.isMissing(sequence) !== true) {
      return;
    }
    packet.copyWithin(OSN_BYTES, 0, header.payloadStart);
    packet[OSN_BYTES + 1] = (header.marker ? 0x80 : 0) | this.#payloadType;
    packet.writeUInt16BE(sequence, OSN_BYTES + 2);
    packet.writeUInt32BE(this.ssrc, OSN_BYTES + 8);
    this.#take(packet, OSN_BYTES, length, atMs, true);
  }

  /** Gives up on packets that are missing for too long. */
  flush(nowMs: number): void {
    this.receiver.flush(nowMs);
  }

  #take(packet: Buffer, start: number, end: number, atMs: number, isRepair: boolean): void {
    this.nack?.arrived(packet.readUInt16BE(start + 2), atMs, isRepair);
    this.receiver.packet(packet, start, end, atMs);
    const { timeline } = this.receiver;
    if (timeline.hasArrived) {
      this.queueMs = Math.min(this.queueMs, atMs - timeline.captureMs(timeline.newestTicks));
    }
  }

  #switchSsrc(ssrc: number, atMs: number): boolean {
    if (this.ssrc >= 0) {
      if (atMs - this.#lastMs < SILENT_MS) {
        return false;
      }
      this.nack?.clear();
      this.receiver.reorder(this.#limits);
    }
    this.ssrc = ssrc;
    return true;
  }
}
