/** What a stream of little more than a sub stream needs; it doubles from there. */
const FIRST_BYTES = 64 << 10;
const FIRST_PACKETS = 256;
/** Half of RTP's sequence numbers: beyond it a lost packet's number is ambiguous. */
const MAX_PACKETS = 32_768;
/** Kept beyond the group of pictures, for retransmission. */
const HISTORY_MS = 1_000;

const MARKER = 1;
const GROUP_START = 2;
const STILL = 4;

export interface RingLimits {
  /** A group whose payloads are larger is not kept whole. */
  readonly groupBytes: number;
  /** Room for a group, the second before it and the alignment of payloads. */
  readonly ringBytes: number;
}

/** Of the payloads that are put next. */
export interface PutFacts {
  readonly track: number;
  /** RTP time before any offset; any integer, kept modulo 2^32. */
  readonly pts: number;
  /** Unix milliseconds. */
  readonly wall: number;
}

/**
 * RTP payloads in the order in which they were made, numbered from 0. Each lies in one piece and starts at a whole word.
 * Readable are at least the last second and the newest group of pictures, as long as that is within its limit:
 * until then the ring doubles instead of writing over what is still needed. It never shrinks.
 */
export class PacketRing {
  /** All payloads. Another array takes its place when the ring grows: not to be kept. */
  words: Uint32Array<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;
  readonly #limits: RingLimits;
  #mask = FIRST_PACKETS - 1;
  /** Where payload n begins, in words, and so on: in place n modulo the number of places. */
  #starts = new Uint32Array(FIRST_PACKETS);
  #payloadBytes = new Uint16Array(FIRST_PACKETS);
  #timestamps = new Uint32Array(FIRST_PACKETS);
  /** Milliseconds modulo 2^32. */
  #walls = new Uint32Array(FIRST_PACKETS);
  #tracks = new Uint8Array(FIRST_PACKETS);
  #flags = new Uint8Array(FIRST_PACKETS);
  #first = 0;
  #written = 0;
  #groupStart = -1;
  #groupBytes = 0;
  #startsGroup = false;
  /** The word that is written next. */
  #head = 0;
  #facts: PutFacts = { track: 0, pts: 0, wall: 0 };

  /** @param expectedBytes what will come at once: room for it is made now instead of doubling up to it */
  constructor(limits: RingLimits, expectedBytes = 0) {
    this.#limits = limits;
    let bytes = FIRST_BYTES;
    while (bytes < expectedBytes) {
      bytes *= 2;
    }
    this.words = new Uint32Array(Math.min(bytes, limits.ringBytes) / 4);
    this.#bytes = new Uint8Array(this.words.buffer);
  }

  /** The number that the next packet will have. */
  get written(): number {
    return this.#written;
  }

  /** The first packet of the newest key frame, parameter sets included, if all since then can be read; -1: it cannot. */
  get groupStart(): number {
    return this.#groupStart;
  }

  /** Whether the packet can still be read. Of one that cannot, all else is meaningless. */
  has(packet: number): boolean {
    return packet >= this.#first && packet < this.#written;
  }

  /** Where the payload begins in `words`. */
  wordOf(packet: number): number {
    return this.#starts[packet & this.#mask] as number;
  }

  payloadBytesOf(packet: number): number {
    return this.#payloadBytes[packet & this.#mask] as number;
  }

  /** RTP time before any offset, 32 bits. */
  timestampOf(packet: number): number {
    return this.#timestamps[packet & this.#mask] as number;
  }

  trackOf(packet: number): number {
    return this.#tracks[packet & this.#mask] as number;
  }

  /** RTP marker bit, 0 or 1. */
  markerOf(packet: number): number {
    return (this.#flags[packet & this.#mask] as number) & MARKER;
  }

  /** Whether it is the first of a key frame, parameter sets included: a viewer can start here. */
  startsGroup(packet: number): boolean {
    return ((this.#flags[packet & this.#mask] as number) & GROUP_START) !== 0;
  }

  /** It belongs to a key frame that was put a second time for a viewer that has none. Other viewers skip it. */
  isStill(packet: number): boolean {
    return ((this.#flags[packet & this.#mask] as number) & STILL) !== 0;
  }

  /** What is put from now on belongs to this sample. */
  protected begin(facts: PutFacts): void {
    this.#facts = facts;
  }

  /**
   * The next payload is the first of a key frame.
   * @param isLeading of the track whose groups are kept; else it is only marked as a start
   */
  protected beginGroup(isLeading: boolean): void {
    this.#startsGroup = true;
    if (isLeading) {
      this.#groupStart = this.#written;
      this.#groupBytes = 0;
    }
  }

  /** What was kept as a group is not continued. */
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
    const place = this.#written & this.#mask;
    let at = this.#head * 4;
    for (let shift = 8 * (prefixBytes - 1); shift >= 0; shift -= 8) {
      this.#bytes[at] = prefix >>> shift;
      at += 1;
    }
    this.#bytes.set(data.subarray(start, end), at);
    this.#starts[place] = this.#head;
    this.#payloadBytes[place] = payloadBytes;
    // Typed arrays of 32 bits take numbers modulo 2^32, as RTP time wraps.
    this.#timestamps[place] = this.#facts.pts;
    this.#walls[place] = this.#facts.wall;
    this.#tracks[place] = this.#facts.track;
    this.#flags[place] = (marker ? MARKER : 0) | (this.#startsGroup ? GROUP_START : 0) | (isStill ? STILL : 0);
    this.#startsGroup = false;
    this.#head += (payloadBytes + 3) >>> 2;
    this.#written += 1;
    this.#groupBytes += payloadBytes;
    if (this.#groupBytes > this.#limits.groupBytes) {
      this.#groupStart = -1;
    }
  }

  #makeRoom(words: number): void {
    if (this.#written - this.#first > this.#mask) {
      if (this.#isNeeded(this.#first) && this.#mask + 1 < MAX_PACKETS) {
        this.#growPlaces();
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

  /** Whether this many words are free in one piece; moves `#head` to the start when they are there.
   * The stream as a container can hold it: the stream itself, or one derived stream for all who ask, without what it cannot hold; in MP4 with
   * FLAC in the place of G.711, G.722 and LPCM (which browsers refuse in MP4).|| * The stream without the tracks that the container cannot hold; in MP4 with FLAC in place of G.711, G.722 and LPCM, which browsers
   * reject in MP4. All callers share one derived stream; the stream itself where nothing changes. */
  #fits(words: number): boolean {
    if (this.#first === this.#written) {
      this.#head = 0;
      return true;
    }
    const tail = this.wordOf(this.#first);
    // The word before the oldest stays free: equal means that all between are taken only when the ring is empty.
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
    // Either way: tracks are some milliseconds apart, and a clock that is set by an hour makes nothing stay for an hour.
    const sinceMs = (this.#facts.wall - (this.#walls[packet & this.#mask] as number)) | 0;
    return Math.abs(sinceMs) < HISTORY_MS;
  }

  /** The oldest packet can no longer be read. */
  #drop(): void {
    if (this.#first === this.#groupStart) {
      this.#groupStart = -1;
    }
    this.#first += 1;
  }

  #growPlaces(): void {
    const count = 2 * (this.#mask + 1);
    const grown = <T extends Uint8Array | Uint16Array | Uint32Array>(from: T, to: T): T => {
      for (let packet = this.#first; packet < this.#written; packet += 1) {
        to[packet & (count - 1)] = from[packet & this.#mask] as number;
      }
      return to;
    };
    this.#starts = grown(this.#starts, new Uint32Array(count));
    this.#payloadBytes = grown(this.#payloadBytes, new Uint16Array(count));
    this.#timestamps = grown(this.#timestamps, new Uint32Array(count));
    this.#walls = grown(this.#walls, new Uint32Array(count));
    this.#tracks = grown(this.#tracks, new Uint8Array(count));
    this.#flags = grown(this.#flags, new Uint8Array(count));
    this.#mask = count - 1;
  }

  /** Payloads come to lie one after the other from the start. */
  #growWords(): void {
    const bytes = Math.min(8 * this.words.length, this.#limits.ringBytes);
    const words = new Uint32Array(bytes / 4);
    let head = 0;
    for (let packet = this.#first; packet < this.#written; packet += 1) {
      const start = this.wordOf(packet);
      const count = (this.payloadBytesOf(packet) + 3) >>> 2;
      words.set(this.words.subarray(start, start + count), head);
      this.#starts[packet & this.#mask] = head;
      head += count;
    }
    this.#head = head;
    this.words = words;
    this.#bytes = new Uint8Array(words.buffer);
  }
}
