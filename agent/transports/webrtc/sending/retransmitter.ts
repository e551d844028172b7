import type { RtpPackets } from '../../../stream/rtp-packets.ts';
import type { SecureLink } from '../link/session-media.ts';
import { MAX_BATCH, type OutboundTrack, type SrtpSender } from '../srtp/srtp.ts';
import { batch } from './packet-batch.ts';
import type { SentHistory } from './sent-history.ts';

/** Bytes of the original sequence number, which precedes the payload, RFC 4588 §4. */
const SEQUENCE_BYTES = 2;
/** Words for a payload and its original sequence number. */
const SLOT_WORDS = 299;
/** Retransmitted bytes as a share of the sent bytes, at the full and at a reduced level. */
const MAX_SHARE = 0.15;
const MAX_REDUCED_SHARE = 0.5;
/** The first burst may be lost before any budget is earned. */
const INITIAL_CREDIT_BYTES = 64 << 10;
/** Below this, only the newest GOP is repaired: a viewer further behind continues at its key frame. */
const LOW_CREDIT_BYTES = 32 << 10;
/** How many packet indexes `#resentMs` covers; a power of two. */
const HISTORY_PACKETS = 1_024;

// The buffer is shared by all viewers: filled and sent within one call.
const scratch = new Uint32Array(MAX_BATCH * SLOT_WORDS);
const scratchBytes = new Uint8Array(scratch.buffer);

/** What a viewer was sent on one SSRC and where to read it again. */
interface SentStream {
  readonly source: RtpPackets;
  readonly history: SentHistory | undefined;
  readonly srtp: SrtpSender;
}

/**
 * Retransmits lost packets: on a separate SSRC if both sides support it (RFC 4588), else as identical packets. Each at
 * most once in three quarters of the round trip (20 to 250 ms), within `MAX_SHARE` of the bytes sent, and only while in the stream's ring.
 */
export class Retransmitter {
  /** Retransmitted packets and their size with header and tag. */
  resent = 0;
  bytes = 0;
  /** The viewer receives a reduced level. */
  isReduced = false;
  readonly #link: SecureLink;
  readonly #track: OutboundTrack;
  readonly #rtx: OutboundTrack | undefined;
  /** A copy of the track, set to the packet that is sent again. */
  readonly #again: OutboundTrack;
  /** When packet index n was repeated, in slot n mod 1,024: milliseconds modulo 2^32 plus one; 0: never. */
  readonly #resentMs = new Uint32Array(HISTORY_PACKETS);
  #creditBytes = INITIAL_CREDIT_BYTES;
  #earnedOctets: number;
  /** Lower packet indexes are not repaired. */
  #firstIndex = 0;

  /** @param rtx undefined if the viewer supports no retransmission format */
  constructor(link: SecureLink, track: OutboundTrack, rtx: OutboundTrack | undefined) {
    this.#link = link;
    this.#track = track;
    this.#rtx = rtx;
    this.#again = { ...track };
    this.#earnedOctets = track.octets;
  }

  /**
   * @param following bit i set: `sequence + i + 1` is requested as well
   * @param roundTripMs undefined if unknown
   * @returns bytes sent
   */
  onNack(
    sent: SentStream,
    sequence: number,
    following: number,
    nowMs: number,
    roundTripMs: number | undefined,
  ): number {
    this.#earn();
    // A viewer that repeats a NACK sooner has not awaited the answer.
    const pauseMs = Math.min(Math.max(20, 0.75 * (roundTripMs ?? 0)), 250);
    const before = this.bytes;
    batch.count = 0;
    for (let bits = 2 * following + 1, i = 0; bits !== 0; bits >>>= 1, i += 1) {
      if ((bits & 1) === 1) {
        this.#add(sent, (sequence + i) & 0xffff, nowMs, pauseMs);
      }
    }
    if (batch.count > 0) {
      this.#send(scratch, sent.srtp);
    }
    return this.bytes - before;
  }

  /** Packets sent so far are not repaired: the viewer continues with other frames. */
  abandon(): void {
    this.#firstIndex = this.#track.packetIndex;
  }

  #earn(): void {
    const earned = (this.#track.octets - this.#earnedOctets) * (this.isReduced ? MAX_REDUCED_SHARE : MAX_SHARE);
    this.#earnedOctets = this.#track.octets;
    this.#creditBytes = Math.min(this.#creditBytes + earned, 128 << 10);
  }

  #add({ source, history, srtp }: SentStream, sequence: number, nowMs: number, pauseMs: number): void {
    const index = history?.indexOf(sequence) ?? -1;
    const packet = index < 0 ? -1 : (history?.packetOf(index) ?? -1);
    if (!history || index < this.#firstIndex || !source.has(packet)) {
      return;
    }
    const bytes = source.payloadBytesOf(packet) + SEQUENCE_BYTES + srtp.overheadBytes;
    const slot = index % HISTORY_PACKETS;
    const last = this.#resentMs[slot] as number;
    const now = (Math.floor(nowMs) + 1) >>> 0;
    const isTooSoon = last !== 0 && (now - last) >>> 0 < pauseMs;
    const isTooMuch = bytes > this.#creditBytes || (this.#creditBytes < LOW_CREDIT_BYTES && packet < source.groupStart);
    if (isTooSoon || isTooMuch || this.#link.transport.isCongested) {
      return;
    }
    this.#creditBytes -= bytes;
    this.#resentMs[slot] = now;
    const at = batch.count;
    batch.timestamps[at] = history.timestampOf(index);
    batch.markers[at] = source.markerOf(packet);
    if (this.#rtx) {
      this.#addRtx(at, sequence, source, packet, this.#rtx);
    } else {
      this.#sendAgain(source, packet, index, srtp);
    }
  }

  #addRtx(at: number, sequence: number, source: RtpPackets, packet: number, rtx: OutboundTrack): void {
    const start = 4 * at * SLOT_WORDS;
    const length = source.payloadBytesOf(packet);
    const { words } = source;
    scratchBytes[start] = sequence >>> 8;
    scratchBytes[start + 1] = sequence;
    const payload = new Uint8Array(words.buffer, words.byteOffset + 4 * source.wordOf(packet), length);
    scratchBytes.set(payload, start + SEQUENCE_BYTES);
    // RFC 4588 §4: the original's timestamp. The offset changes with the stream.
    rtx.timestampOffset = this.#track.timestampOffset;
    batch.tracks[at] = rtx;
    batch.payloadBytes[at] = SEQUENCE_BYTES + length;
    batch.sourceWords[at] = at * SLOT_WORDS;
    batch.count += 1;
  }

  /** The same index and bytes produce the same packet, so the key stream is not reused for other data. */
  #sendAgain(source: RtpPackets, packet: number, index: number, srtp: SrtpSender): void {
    batch.payloadBytes[0] = source.payloadBytesOf(packet);
    batch.sourceWords[0] = source.wordOf(packet);
    this.#again.timestampOffset = this.#track.timestampOffset;
    this.#again.packetIndex = index;
    batch.tracks[0] = this.#again;
    batch.count = 1;
    this.#send(source.words, srtp);
    batch.count = 0;
  }

  #send(source: Uint32Array, srtp: SrtpSender): void {
    this.bytes += batch.send(this.#link, srtp, source);
    this.resent += batch.count;
  }
}
