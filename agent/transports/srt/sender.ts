import type { Encryption } from './encryption.ts';
import {
  addSequence,
  HEADER_BYTES,
  KEY_SHIFT,
  MESSAGE_MASK,
  RETRANSMITTED,
  sequenceDistance,
  WHOLE_MESSAGE,
} from './packet.ts';
import { MAX_WINDOW, offsetOf, PacketRing, slotOf } from './packet-ring.ts';
import { type RoundTrip, SYN_US } from './rtt.ts';
import type { SrtStatistics } from './statistics.ts';

const LOST = 1;
/** A packet is kept for at least this long, or for 1.25 times the latency if that is longer (§4.6). */
const MIN_KEPT_US = 1_000_000;
/** Packets that may be sent at once. Without pacing a key frame would overflow the receiver's socket buffer. */
const BURST_PACKETS = 64;
/** Share of the backlog that may leave in one millisecond. */
const BACKLOG_SHARE = 1 / 8;

/** Sends `bytes[start, start + length)`. */
type Transmit = (bytes: Buffer, start: number, length: number, nowUs: number) => void;

interface SenderOptions {
  readonly firstSequence: number;
  readonly peerSocketId: number;
  /** Latency of the peer as a receiver. */
  readonly latencyMs: number;
  /** Packets that may be in flight before the peer acknowledges them. */
  readonly flowWindow: number;
  /** Bytes per second, headers included. */
  readonly maxBandwidth: number;
}

/** Live congestion control, §5.1.2: packets leave at most at the maximum bandwidth. */
class Pacing {
  readonly #maxBandwidth: number;
  /** Bytes that may be sent now. */
  #tokens = 0;
  #burst = 0;
  #refilledUs = 0;

  /** @param maxBandwidth bytes per second */
  constructor(maxBandwidth: number) {
    this.#maxBandwidth = maxBandwidth;
  }

  get mayTransmit(): boolean {
    return this.#burst > 0 && this.#tokens > 0;
  }

  spend(bytes: number): void {
    this.#tokens -= bytes;
    this.#burst -= 1;
  }

  /** @param waiting packets to be sent */
  refill(nowUs: number, waiting: number): void {
    const elapsedUs = nowUs - this.#refilledUs;
    if (elapsedUs >= 500) {
      const earned = (elapsedUs * this.#maxBandwidth) / 1_000_000;
      this.#tokens = Math.min(this.#tokens + earned, this.#maxBandwidth / 100);
      this.#burst = Math.max(BURST_PACKETS, Math.ceil(waiting * BACKLOG_SHARE));
      this.#refilledUs = nowUs;
    }
  }
}

/** Sent packets until they are acknowledged or too late; retransmission and pacing (live congestion control, §5.1.2). */
export class Sender {
  readonly #options: SenderOptions;
  readonly #encryption: Encryption | undefined;
  readonly #statistics: SrtStatistics;
  readonly #roundTrip: RoundTrip;
  readonly #transmit: Transmit;
  readonly #ring = new PacketRing();
  readonly #keptUs: number;
  /** Sequence number of the oldest packet that is not acknowledged. */
  #first: number;
  /** Sequence number of the first packet that has not been transmitted. */
  #unsent: number;
  #next: number;
  #message = 1;
  #flowWindow: number;
  /** Sequence number before which no packet is marked as lost. */
  #lossCursor: number;
  #lost = 0;
  readonly #pacing: Pacing;
  #timeouts = 1;
  #progressUs = 0;
  /** When the latest new packet was transmitted. */
  #newestUs = 0;
  #busySinceUs = -1;
  #payloadBytes = 0;

  constructor(
    options: SenderOptions,
    encryption: Encryption | undefined,
    statistics: SrtStatistics,
    roundTrip: RoundTrip,
    transmit: Transmit,
  ) {
    this.#options = options;
    this.#encryption = encryption;
    this.#statistics = statistics;
    this.#roundTrip = roundTrip;
    this.#transmit = transmit;
    this.#first = options.firstSequence;
    this.#unsent = this.#first;
    this.#next = this.#first;
    this.#lossCursor = this.#first;
    this.#flowWindow = options.flowWindow;
    this.#pacing = new Pacing(options.maxBandwidth);
    this.#keptUs = Math.max(MIN_KEPT_US, 1250 * options.latencyMs) + 2 * SYN_US;
  }

  get buffered(): number {
    return sequenceDistance(this.#next, this.#first);
  }

  get bufferedBytes(): number {
    return this.#payloadBytes;
  }

  get inFlight(): number {
    return sequenceDistance(this.#unsent, this.#first);
  }

  get flowWindow(): number {
    return this.#flowWindow;
  }

  /** Time span of the buffered packets. */
  get bufferedMs(): number {
    if (this.buffered === 0) {
      return 0;
    }
    const last = addSequence(this.#next, -1);
    return Math.round((this.#timeOf(last) - this.#timeOf(this.#first)) / 1000);
  }

  /** Packets wait for pacing: `pump` has to be called again within a millisecond. */
  get hasBacklog(): boolean {
    return this.#lost > 0 || (this.#unsent !== this.#next && this.inFlight < this.#flowWindow);
  }

  /**
   * Takes a payload, which is copied.
   * @param timestamp SRT time stamp of the connection, in µs
   * @returns false: the buffer is full, it was dropped
   */
  submit(payload: Uint8Array, start: number, end: number, timestamp: number, nowUs: number): boolean {
    const size = end - start;
    if (this.buffered >= MAX_WINDOW) {
      this.#statistics.counts.packetsSendDrop += 1;
      this.#statistics.payload.sendDrop += size;
      return false;
    }
    const sequence = this.#next;
    const slab = this.#ring.take(sequence);
    const slot = slotOf(sequence);
    const at = offsetOf(sequence);
    const { bytes } = slab;
    bytes.set(payload.subarray(start, end), at + HEADER_BYTES);
    const key = this.#encryption?.encrypt(sequence, bytes, at + HEADER_BYTES, at + HEADER_BYTES + size) ?? 0;
    bytes.writeUInt32BE(sequence, at);
    bytes.writeUInt32BE((WHOLE_MESSAGE | (key << KEY_SHIFT) | this.#message) >>> 0, at + 4);
    bytes.writeUInt32BE(timestamp >>> 0, at + 8);
    bytes.writeUInt32BE(this.#options.peerSocketId, at + 12);
    this.#message = this.#message === MESSAGE_MASK ? 1 : this.#message + 1;
    slab.sizes[slot] = size;
    slab.timesUs[slot] = nowUs;
    this.#payloadBytes += size;
    if (sequence === this.#first) {
      this.#busySinceUs = nowUs;
      this.#progressUs = nowUs;
    }
    this.#next = addSequence(sequence, 1);
    return true;
  }

  /** Sends what pacing and the peer's window allow: lost packets first. */
  pump(nowUs: number): void {
    this.#pacing.refill(nowUs, this.#lost + sequenceDistance(this.#next, this.#unsent));
    while (this.#lost > 0 && this.#pacing.mayTransmit) {
      this.#retransmitNext(nowUs);
    }
    while (this.#unsent !== this.#next && this.inFlight < this.#flowWindow && this.#pacing.mayTransmit) {
      const sequence = this.#unsent;
      this.#unsent = addSequence(sequence, 1);
      this.#newestUs = nowUs;
      this.#send(sequence, false, nowUs);
    }
  }

  /** @param next first sequence number that is not acknowledged @param window packets that the peer has room for */
  acknowledge(next: number, window: number | undefined, nowUs: number): void {
    if (sequenceDistance(next, this.#first) < 0 || sequenceDistance(next, this.#unsent) > 0) {
      return;
    }
    if (window !== undefined) {
      this.#flowWindow = Math.min(window, this.#options.flowWindow);
    }
    if (next !== this.#first) {
      this.#timeouts = 1;
      this.#progressUs = nowUs;
    }
    this.#advance(next, nowUs);
  }

  /** The peer reports a lost range. @returns the last packet that cannot be sent again, as it is before `#first` */
  reportLoss(first: number, last: number, nowUs: number): number | undefined {
    const lastSent = addSequence(this.#unsent, -1);
    if (sequenceDistance(last, lastSent) > 0) {
      return undefined;
    }
    let gone: number | undefined;
    let from = first;
    if (sequenceDistance(from, this.#first) < 0) {
      const before = addSequence(this.#first, -1);
      gone = sequenceDistance(last, before) < 0 ? last : before;
      from = this.#first;
    }
    for (let sequence = from; sequenceDistance(sequence, last) <= 0; sequence = addSequence(sequence, 1)) {
      this.#markLost(sequence, nowUs);
    }
    return gone;
  }

  /** Called every 10 ms. */
  tick(nowUs: number): void {
    let sequence = this.#first;
    while (sequence !== this.#next && nowUs - this.#timeOf(sequence) > this.#keptUs) {
      this.#statistics.counts.packetsSendDrop += 1;
      this.#statistics.payload.sendDrop += this.#ring.find(sequence)?.sizes[slotOf(sequence)] ?? 0;
      sequence = addSequence(sequence, 1);
    }
    this.#advance(sequence, nowUs);
    // If the last packets are lost, the peer sees no gap to report.
    const quietUs = nowUs - Math.max(this.#progressUs, this.#newestUs);
    if (this.inFlight > 0 && quietUs > this.#timeouts * this.#roundTrip.timeoutUs) {
      this.#timeouts = Math.min(this.#timeouts + 1, 16);
      this.#progressUs = nowUs;
      for (let lost = this.#first; lost !== this.#unsent; lost = addSequence(lost, 1)) {
        this.#markLost(lost, nowUs);
      }
    }
    this.pump(nowUs);
  }

  #advance(next: number, nowUs: number): void {
    while (this.#first !== next) {
      const slab = this.#ring.find(this.#first);
      if (slab) {
        const slot = slotOf(this.#first);
        this.#payloadBytes -= slab.sizes[slot] as number;
        this.#lost -= slab.marks[slot] as number;
      }
      this.#ring.release(this.#first);
      const isUnsent = this.#first === this.#unsent;
      this.#first = addSequence(this.#first, 1);
      this.#unsent = isUnsent ? this.#first : this.#unsent;
    }
    if (sequenceDistance(this.#lossCursor, this.#first) < 0) {
      this.#lossCursor = this.#first;
    }
    if (this.#first === this.#next && this.#busySinceUs >= 0) {
      this.#statistics.counts.usSndDuration += nowUs - this.#busySinceUs;
      this.#busySinceUs = -1;
    }
  }

  /** Marks a packet for retransmission, unless its last one is younger than a round trip: that may still arrive. */
  #markLost(sequence: number, nowUs: number): void {
    const slab = this.#ring.find(sequence);
    const slot = slotOf(sequence);
    if (!slab || slab.marks[slot] === LOST) {
      return;
    }
    const { rttUs, varianceUs } = this.#roundTrip;
    const isRetransmitted = ((slab.bytes[offsetOf(sequence) + 4] as number) & (RETRANSMITTED >>> 24)) !== 0;
    // About as libsrt does: if the round trip varies, the report may have overtaken the retransmission.
    const waitUs = Math.max(0.75 * rttUs, rttUs - 4 * varianceUs);
    if (isRetransmitted && nowUs - (slab.sentUs[slot] as number) < waitUs) {
      return;
    }
    slab.marks[slot] = LOST;
    this.#lost += 1;
    this.#statistics.counts.packetsSendLoss += 1;
    if (sequenceDistance(sequence, this.#lossCursor) < 0) {
      this.#lossCursor = sequence;
    }
  }

  #retransmitNext(nowUs: number): void {
    for (; this.#lossCursor !== this.#unsent; this.#lossCursor = addSequence(this.#lossCursor, 1)) {
      const sequence = this.#lossCursor;
      const slab = this.#ring.find(sequence);
      if (slab?.marks[slotOf(sequence)] === LOST) {
        slab.marks[slotOf(sequence)] = 0;
        this.#lost -= 1;
        const flags = offsetOf(sequence) + 4;
        slab.bytes[flags] = (slab.bytes[flags] as number) | (RETRANSMITTED >>> 24);
        this.#send(sequence, true, nowUs);
        return;
      }
    }
    this.#lost = 0;
  }

  #send(sequence: number, isRetransmission: boolean, nowUs: number): void {
    const slab = this.#ring.find(sequence);
    if (!slab) {
      return;
    }
    const slot = slotOf(sequence);
    const size = slab.sizes[slot] as number;
    slab.sentUs[slot] = nowUs;
    this.#pacing.spend(size + HEADER_BYTES);
    this.#statistics.countSent(size, isRetransmission);
    this.#transmit(slab.bytes, offsetOf(sequence), size + HEADER_BYTES, nowUs);
  }

  #timeOf(sequence: number): number {
    return this.#ring.find(sequence)?.timesUs[slotOf(sequence)] ?? 0;
  }
}
