import { read32 } from '../../../media/rtp/header.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';

/** Memory of a packet in addition to its payload. */
const PACKET_COST_BYTES = 200;
/** How long packets wait for the reply to PLAY: some cameras answer it three seconds after their first packet. */
const REPLY_WAIT_MS = 1_000;
/** How long they wait after it for a packet that shows the track's SSRC. */
const PACKET_WAIT_MS = 500;

/** Passes packets on to their tracks. */
export interface EarlyTarget {
  /** The track of the RTP on this channel, or undefined for RTCP and unknown channels. */
  receiverOf(channel: number): TrackReceiver | undefined;
  dispatch(chunk: Uint8Array, channel: number, start: number, end: number, atMs: number): void;
}

interface EarlyPacket {
  readonly target: EarlyTarget;
  readonly channel: number;
  readonly packet: Uint8Array;
  /** Monotonic time of arrival. */
  readonly atMs: number;
}

/** SSRCs of the packets of one track. */
interface Senders {
  /** The one that SETUP's Transport or RTP-Info names. */
  named: number | undefined;
  /** The one of the first packet after the reply to PLAY. */
  afterReply: number | undefined;
  last: number;
}

/**
 * Packets that arrive before it is known which SSRC each track has. Some cameras send from the first SETUP on, perhaps the only key frame
 * for a minute; others send packets of a former session before those of the present one (live555 before 2017). They are passed on in the
 * order of their arrival, which tells the offset of sound and picture.
 */
export class EarlyPackets {
  /** Packets are passed on at once. */
  isOver = false;
  #packets: EarlyPacket[] = [];
  #bytes = 0;
  /** When all tracks were set up. */
  #setUpMs = Number.NaN;
  /** Index of the first packet after the last reply. */
  #afterReply = 0;
  /** When PLAY was answered. */
  #answeredMs = Number.NaN;
  readonly #senders = new Map<TrackReceiver, Senders>();

  /**
   * Beyond the limit packets are dropped until all tracks are set up, and all are passed on afterwards.
   * @param packet must not change afterwards
   */
  keep(target: EarlyTarget, channel: number, packet: Uint8Array, atMs: number): void {
    const bytes = packet.length + PACKET_COST_BYTES;
    // Eight seconds of a camera with 16 Mbit/s.
    const isFull = this.#bytes + bytes > 16 << 20;
    if (isFull && Number.isNaN(this.#setUpMs)) {
      return;
    }
    this.#bytes += bytes;
    const early = { target, channel, packet, atMs };
    this.#packets.push(early);
    if (this.#isAnswered) {
      this.#note(early, true);
    }
    const isKnown = this.#isAnswered ? this.#isDecided : atMs - this.#setUpMs >= REPLY_WAIT_MS;
    if (isFull || isKnown) {
      this.#end();
    }
  }

  /** A reply has arrived: the next packet is later. */
  markReply(): void {
    this.#afterReply = this.#packets.length;
  }

  /** All tracks are set up, and announced: PLAY follows. @param nowMs monotonic */
  setUp(nowMs: number): void {
    this.#setUpMs = nowMs;
  }

  /** The last reply was that to PLAY. @param nowMs monotonic */
  answer(nowMs: number): void {
    this.#answeredMs = nowMs;
    for (const [i, early] of this.#packets.entries()) {
      this.#note(early, i >= this.#afterReply);
    }
    if (this.#isDecided) {
      this.#end();
    }
  }

  /** Called at intervals. @param nowMs monotonic */
  tick(nowMs: number): void {
    if (nowMs - this.#answeredMs >= PACKET_WAIT_MS) {
      this.#end();
    }
  }

  get #isAnswered(): boolean {
    return !Number.isNaN(this.#answeredMs);
  }

  get #isDecided(): boolean {
    for (const [receiver, { named, afterReply }] of this.#senders) {
      if (named === undefined && (afterReply === undefined || receiver.isAnnounced)) {
        return false;
      }
    }
    return true;
  }

  #note({ target, channel, packet }: EarlyPacket, isAfterReply: boolean): void {
    const receiver = target.receiverOf(channel);
    if (!receiver?.isMedia(packet)) {
      return;
    }
    const ssrc = ssrcOf(packet);
    const senders = this.#senders.get(receiver) ?? { named: undefined, afterReply: undefined, last: ssrc };
    this.#senders.set(receiver, senders);
    senders.named ??= receiver.isNamed(packet) ? ssrc : undefined;
    senders.afterReply ??= isAfterReply ? ssrc : undefined;
    senders.last = ssrc;
  }

  #end(): void {
    if (this.isOver) {
      return;
    }
    this.isOver = true;
    const packets = this.#packets;
    this.#packets = [];
    if (!this.#isAnswered) {
      for (const early of packets) {
        this.#note(early, false);
      }
    }
    const waiting = new Map<TrackReceiver, number>();
    for (const [receiver, { named, afterReply, last }] of this.#senders) {
      const ssrc = named ?? afterReply ?? last;
      receiver.startWith(ssrc);
      waiting.set(receiver, ssrc);
    }
    for (const { target, channel, packet, atMs } of packets) {
      const receiver = target.receiverOf(channel);
      const first = receiver?.isMedia(packet) ? waiting.get(receiver) : undefined;
      // Before its first own packet a track has no use for those of others.
      if (receiver === undefined || first === undefined || first === ssrcOf(packet)) {
        target.dispatch(packet, channel, 0, packet.length, atMs);
      }
      if (receiver && first === ssrcOf(packet)) {
        waiting.delete(receiver);
      }
    }
  }
}

const ssrcOf = (packet: Uint8Array): number => read32(packet, 8);
