/** Receives packets in order, such as `TrackReceiver`. */
interface PacketSink {
  /** @param chunk holds the packet in [start, end), valid during the call only; @returns whether it is media of this track */
  packet(chunk: Uint8Array, start: number, end: number, atMs: number): boolean;
}

export interface ReorderLimits {
  /** A power of two: how far ahead of a missing packet others wait. */
  readonly windowPackets: number;
  /** A packet that is missing for this long is lost. */
  readonly longestWaitMs: number;
}

/**
 * Limits for packets without retransmission. Wi-Fi can reorder all packets of a key picture that is sent at once. The wait delays
 * pictures only after a loss, when they are broken anyway.
 */
const USUAL_LIMITS: ReorderLimits = { windowPackets: 256, longestWaitMs: 200 };
/** MAX_DROPOUT of RFC 3550 appendix A.1: the largest step forward that may still be loss. */
const MAX_DROPOUT = 3_000;
const RTP_HEADER_BYTES = 12;

/**
 * Puts the RTP packets of one track that came over UDP into the order of their sequence numbers.
 * Packets in order pass straight through, uncopied; early ones are copied and wait for those before them. Bounded in packets,
 * bytes and time; what is missing then is left out, and the sink sees a gap in the numbers. There is no timer: time passes with
 * `push` and `flush`.
 */
export class ReorderBuffer {
  /** Dropped packets: duplicates, and those that arrived after their place was given up. */
  late = 0;
  /** Packets received out of order and reordered. */
  reordered = 0;
  readonly #sink: PacketSink;
  readonly #payloadType: number;
  readonly limits: ReorderLimits;
  readonly #slotMask: number;
  /** Packet `n` waits at place `n % windowPackets`. */
  readonly #slots: (Uint8Array | undefined)[];
  readonly #arrivedMs: Float64Array;
  #waiting = 0;
  #waitingBytes = 0;
  /** Highest waiting sequence number. */
  #farthest = 0;
  /** Arrival of the first waiting packet. */
  #waitingSinceMs = 0;
  /** Next sequence number; -1 before the first packet. */
  #next = -1;
  /** The only sequence number that would prove a restart of the sender; -1: none expected. */
  #restartAt = -1;
  #lastAtMs = 0;
  /** RTP timestamp and SSRC of the last delivered packet. */
  #lastTimestamp = 0;
  #lastSsrc = 0;

  /** @param payloadType packets of other types are passed on at once: junk has its own sequence numbers */
  constructor(sink: PacketSink, payloadType: number, limits = USUAL_LIMITS) {
    this.#sink = sink;
    this.#payloadType = payloadType;
    const { windowPackets } = limits;
    this.limits = limits;
    this.#slotMask = windowPackets - 1;
    this.#slots = new Array(windowPackets).fill(undefined);
    this.#arrivedMs = new Float64Array(windowPackets);
  }

  /** Packets are held back because one before them is missing. */
  get isWaiting(): boolean {
    return this.#waiting > 0;
  }

  /**
   * One datagram, in `chunk[start, end)`, valid during the call only.
   * @param atMs monotonic time of arrival
   * @returns whether it is media of this track
   */
  push(chunk: Uint8Array, start: number, end: number, atMs: number): boolean {
    if (end - start < RTP_HEADER_BYTES || ((chunk[start + 1] as number) & 0x7f) !== this.#payloadType) {
      return this.#sink.packet(chunk, start, end, atMs);
    }
    const sequence = ((chunk[start + 2] as number) << 8) | (chunk[start + 3] as number);
    const ahead = this.#next < 0 ? 0 : (sequence - this.#next) & 0xffff;
    if (ahead === 0) {
      return this.#pass(chunk, start, end, sequence, atMs);
    }
    if (ahead < this.limits.windowPackets) {
      this.#hold(chunk, start, end, sequence, atMs);
      return true;
    }
    if (ahead > 0xffff - this.limits.windowPackets && sequence !== this.#restartAt && !this.#isOther(chunk, start)) {
      this.late += 1;
      this.flush(atMs);
      return true;
    }
    this.#releaseAll();
    if (ahead <= MAX_DROPOUT || sequence === this.#restartAt) {
      return this.#pass(chunk, start, end, sequence, atMs);
    }
    // A single stray number may be junk: the sink decides about the packet, and the next number decides about the order.
    this.#restartAt = (sequence + 1) & 0xffff;
    return this.#deliver(chunk, start, end, atMs);
  }

  /** Called at intervals, to end waits when no packet arrives. @param nowMs monotonic */
  flush(nowMs: number): void {
    while (this.#waiting > 0 && nowMs - this.#waitingSinceMs >= this.limits.longestWaitMs) {
      this.#release();
    }
  }

  /** Whether the packet is not late: it is from another sender, or has a later time than the last packet. */
  #isOther(chunk: Uint8Array, start: number): boolean {
    const isOtherSender = read32(chunk, start + 8) !== this.#lastSsrc;
    return isOtherSender || ((read32(chunk, start + 4) - this.#lastTimestamp) | 0) > 0;
  }

  #pass(chunk: Uint8Array, start: number, end: number, sequence: number, atMs: number): boolean {
    this.#restartAt = -1;
    this.#next = (sequence + 1) & 0xffff;
    const isMedia = this.#deliver(chunk, start, end, atMs);
    if (this.#waiting > 0) {
      this.reordered += 1;
      this.#drain();
      this.flush(atMs);
    }
    return isMedia;
  }

  #hold(chunk: Uint8Array, start: number, end: number, sequence: number, atMs: number): void {
    const slot = sequence & this.#slotMask;
    if (this.#slots[slot]) {
      this.late += 1;
    } else {
      const copy = new Uint8Array(end - start);
      copy.set(chunk.subarray(start, end));
      this.#slots[slot] = copy;
      this.#arrivedMs[slot] = atMs;
      if (this.#waiting === 0) {
        this.#waitingSinceMs = atMs;
        this.#farthest = sequence;
      } else if (((sequence - this.#farthest) & 0xffff) < this.limits.windowPackets) {
        this.#farthest = sequence;
      } else {
        this.reordered += 1;
      }
      this.#waiting += 1;
      this.#waitingBytes += copy.length;
    }
    while (this.#waitingBytes > 1 << 20) {
      this.#release();
    }
    this.flush(atMs);
  }

  #releaseAll(): void {
    while (this.#waiting > 0) {
      this.#release();
    }
  }

  /** Gives up the packets missing before the first waiting one. */
  #release(): void {
    while (!this.#slots[this.#next & this.#slotMask]) {
      this.#next = (this.#next + 1) & 0xffff;
    }
    this.#drain();
  }

  /** Delivers waiting packets that are next. */
  #drain(): void {
    for (;;) {
      const slot = this.#next & this.#slotMask;
      const packet = this.#slots[slot];
      if (!packet) {
        break;
      }
      this.#slots[slot] = undefined;
      this.#waiting -= 1;
      this.#waitingBytes -= packet.length;
      this.#next = (this.#next + 1) & 0xffff;
      this.#deliver(packet, 0, packet.length, this.#arrivedMs[slot] as number);
    }
    if (this.#waiting > 0) {
      this.#waitingSinceMs = this.#firstArrival();
    }
  }

  #firstArrival(): number {
    let firstMs = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < this.limits.windowPackets; slot += 1) {
      if (this.#slots[slot]) {
        firstMs = Math.min(firstMs, this.#arrivedMs[slot] as number);
      }
    }
    return firstMs;
  }

  /** Arrival times never run backwards for the sink. */
  #deliver(chunk: Uint8Array, start: number, end: number, atMs: number): boolean {
    this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
    this.#lastTimestamp = read32(chunk, start + 4);
    this.#lastSsrc = read32(chunk, start + 8);
    return this.#sink.packet(chunk, start, end, this.#lastAtMs);
  }
}

/** Reads 32 bits as a signed number, for differences and comparison. */
const read32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 24) |
  ((bytes[at + 1] as number) << 16) |
  ((bytes[at + 2] as number) << 8) |
  (bytes[at + 3] as number);
