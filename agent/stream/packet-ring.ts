import { copyBytes } from '../media/sample/copy-bytes.ts';

/** Enough for a sub stream; doubles from there. */
const FIRST_BYTES = 64 << 10;
const FIRST_PACKETS = 256;
/** Half of RTP's sequence numbers: beyond it a lost packet's number is ambiguous. */
const MAX_PACKETS = 32_768;
/** Kept in addition to the group of pictures, for retransmission. */
const HISTORY_MS = 1_000;

const MARKER = 1;
const GROUP_START = 2;
const STILL = 4;

/** Limits of a ring, in bytes of payload. */
export interface RingLimits {
  /** A larger group is not kept complete. */
  readonly groupBytes: number;
  /** Has room for a group, the second before it and the alignment of payloads. */
  readonly ringBytes: number;
}

/** Track and times of the next payloads. */
export interface PutFacts {
  readonly track: number;
  /** RTP time before any offset; any integer, kept modulo 2^32. */
  readonly pts: number;
  /** Capture time in Unix milliseconds. */
  readonly wall: number;
}

/** What is known of each packet: packet n is at n & mask. */
class PacketTable {
  readonly mask: number;
  /** Start of the payload in words. */
  readonly starts: Uint32Array;
  readonly payloadBytes: Uint16Array;
  readonly timestamps: Uint32Array;
  /** Capture times in milliseconds, modulo 2^32. */
  readonly walls: Uint32Array;
  readonly tracks: Uint8Array;
  readonly flags: Uint8Array;

  /** @param count a power of two */
  constructor(count: number) {
    this.mask = count - 1;
    this.starts = new Uint32Array(count);
    this.payloadBytes = new Uint16Array(count);
    this.timestamps = new Uint32Array(count);
    this.walls = new Uint32Array(count);
    this.tracks = new Uint8Array(count);
    this.flags = new Uint8Array(count);
  }

  /** A table for twice as many, with the packets from `first` to before `end`. */
  grown(first: number, end: number): PacketTable {
    const table = new PacketTable(2 * (this.mask + 1));
    for (let packet = first; packet < end; packet += 1) {
      const from = packet & this.mask;
      const to = packet & table.mask;
      table.starts[to] = this.starts[from] as number;
      table.payloadBytes[to] = this.payloadBytes[from] as number;
      table.timestamps[to] = this.timestamps[from] as number;
      table.walls[to] = this.walls[from] as number;
      table.tracks[to] = this.tracks[from] as number;
      table.flags[to] = this.flags[from] as number;
    }
    return table;
  }
}

/**
 * RTP payloads in order, numbered from 0. Each is contiguous and word-aligned.
 * Readable are at least the last second and the newest group of pictures, as long as that is within its limit:
 * until then the ring doubles instead of writing over what is still needed. It never shrinks.
 */
export class PacketRing {
  /** All payloads. Replaced when the ring grows: do not keep it. */
  words: Uint32Array<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;
  readonly #limits: RingLimits;
  #table = new PacketTable(FIRST_PACKETS);
  #first = 0;
  #written = 0;
  #groupStart = -1;
  #groupBytes = 0;
  #startsGroup = false;
  /** Next word to write. */
  #head = 0;
  #facts: PutFacts = { track: 0, pts: 0, wall: 0 };

  /** @param expectedBytes allocated at once, for payloads that follow immediately */
  constructor(limits: RingLimits, expectedBytes = 0) {
    this.#limits = limits;
    let bytes = FIRST_BYTES;
    while (bytes < expectedBytes) {
      bytes *= 2;
    }
    this.words = new Uint32Array(Math.min(bytes, limits.ringBytes) / 4);
    this.#bytes = new Uint8Array(this.words.buffer);
  }

  /** Number of the next packet. */
  get written(): number {
    return this.#written;
  }

  /** First packet of the newest key frame, including parameter sets, if all since then are kept; otherwise -1. */
  get groupStart(): number {
    return this.#groupStart;
  }

  /** Whether the packet is kept; for other packets the results of the accessors are meaningless. */
  has(packet: number): boolean {
    return packet >= this.#first && packet < this.#written;
  }

  /** Start of the payload in `words`. */
  wordOf(packet: number): number {
    return this.#table.starts[packet & this.#table.mask] as number;
  }

  payloadBytesOf(packet: number): number {
    return this.#table.payloadBytes[packet & this.#table.mask] as number;
  }

  /** RTP time before any offset, 32 bits. */
  timestampOf(packet: number): number {
    return this.#table.timestamps[packet & this.#table.mask] as number;
  }

  trackOf(packet: number): number {
    return this.#table.tracks[packet & this.#table.mask] as number;
  }

  /** RTP marker bit, 0 or 1. */
  markerOf(packet: number): number {
    return (this.#table.flags[packet & this.#table.mask] as number) & MARKER;
  }

  /** Whether the packet is the first of a key frame, including parameter sets: a viewer can start here. */
  startsGroup(packet: number): boolean {
    return ((this.#table.flags[packet & this.#table.mask] as number) & GROUP_START) !== 0;
  }

  /** Whether the packet is part of a key frame that was written again for a new viewer; other viewers skip it. */
  isStill(packet: number): boolean {
    return ((this.#table.flags[packet & this.#table.mask] as number) & STILL) !== 0;
  }

  /** The following payloads belong to this sample. */
  protected begin(facts: PutFacts): void {
    this.#facts = facts;
  }

  /**
   * The next payload is the first of a key frame.
   * @param isLeading the track is the one whose groups are kept; otherwise the payload is only marked as a start
   */
  protected beginGroup(isLeading: boolean): void {
    this.#startsGroup = true;
    if (isLeading) {
      this.#groupStart = this.#written;
      this.#groupBytes = 0;
    }
  }

  /** The current group is not continued. */
  protected endGroup(): void {
    this.#groupStart = -1;
  }

  /** Appends one payload: `prefixBytes` bytes of `prefix` (big-endian, 0 to 4), then `data[start, end)`. */
  protected put(
    prefix: number,
    prefixBytes: number,
    data: Uint8Array,
    start: number,
    end: number,
    marker: boolean,
    isStill: boolean,
  ): void {
    const payloadBytes = prefixBytes + end - start;
    this.#makeRoom((payloadBytes + 3) >>> 2);
    const table = this.#table;
    const slot = this.#written & table.mask;
    let at = this.#head * 4;
    for (let shift = 8 * (prefixBytes - 1); shift >= 0; shift -= 8) {
      this.#bytes[at] = prefix >>> shift;
      at += 1;
    }
    copyBytes(data, start, end, this.#bytes, at);
    table.starts[slot] = this.#head;
    table.payloadBytes[slot] = payloadBytes;
    // 32-bit arrays store modulo 2^32, as RTP time wraps.
    table.timestamps[slot] = this.#facts.pts;
    table.walls[slot] = this.#facts.wall;
    table.tracks[slot] = this.#facts.track;
    table.flags[slot] = (marker ? MARKER : 0) | (this.#startsGroup ? GROUP_START : 0) | (isStill ? STILL : 0);
    this.#startsGroup = false;
    this.#head += (payloadBytes + 3) >>> 2;
    this.#written += 1;
    this.#groupBytes += payloadBytes;
    if (this.#groupBytes > this.#limits.groupBytes) {
      this.#groupStart = -1;
    }
  }

  #makeRoom(words: number): void {
    if (this.#written - this.#first > this.#table.mask) {
      if (this.#isNeeded(this.#first) && this.#table.mask + 1 < MAX_PACKETS) {
        this.#table = this.#table.grown(this.#first, this.#written);
      } else {
        this.#drop();
      }
    }
    while (!this.#fits(words)) {
      if (this.#isNeeded(this.#first) && this.words.length * 4 < this.#limits.ringBytes) {
        this.#growWords();
      } else {
        this.#drop();
      }
    }
  }

  /** Whether this many words are free in one piece; moves `#head` to the start when they are there. */
  #fits(words: number): boolean {
    if (this.#first === this.#written) {
      this.#head = 0;
      return true;
    }
    const tail = this.wordOf(this.#first);
    // The word before the oldest payload stays free, so that head and tail are equal only in an empty ring.
    if (this.#head < tail) {
      return this.#head + words < tail;
    }
    if (this.#head + words <= this.words.length) {
      return true;
    }
    if (words < tail) {
      this.#head = 0;
      return true;
    }
    return false;
  }

  #isNeeded(packet: number): boolean {
    if (this.#groupStart >= 0 && packet >= this.#groupStart) {
      return true;
    }
    // In both directions: tracks differ by milliseconds, and a clock set back by an hour must not keep packets for an hour.
    const sinceMs = (this.#facts.wall - (this.#table.walls[packet & this.#table.mask] as number)) | 0;
    return Math.abs(sinceMs) < HISTORY_MS;
  }

  /** Drops the oldest packet. */
  #drop(): void {
    if (this.#first === this.#groupStart) {
      this.#groupStart = -1;
    }
    this.#first += 1;
  }

  /** Copies the payloads to the start of a larger array. */
  #growWords(): void {
    const bytes = Math.min(8 * this.words.length, this.#limits.ringBytes);
    const words = new Uint32Array(bytes / 4);
    let head = 0;
    for (let packet = this.#first; packet < this.#written; packet += 1) {
      const start = this.wordOf(packet);
      const count = (this.payloadBytesOf(packet) + 3) >>> 2;
      words.set(this.words.subarray(start, start + count), head);
      this.#table.starts[packet & this.#table.mask] = head;
      head += count;
    }
    this.#head = head;
    this.words = words;
    this.#bytes = new Uint8Array(words.buffer);
  }
}
