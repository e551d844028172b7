/** Limit of missing packets. With more of them the video is broken anyway, and a key frame repairs it. */
const CAPACITY = 256;
/** A packet may be late: it is requested after two later ones, or after this long. */
const LATER_PACKETS = 2;
const FIRST_REQUEST_MS = 12;
/** Networks that reorder packets: requests wait until late packets have usually arrived. Decays slowly. */
const MAX_REORDER_WAIT_MS = 60;
const REORDER_FACTOR = 1.25;
const DECAY = 0.98;
/** Retransmissions arrive within this time at first, later within the measured round trip. Each retry doubles it. */
const RETRY_MS = 60;
const MIN_RETRY_MS = 30;

/** The missing packets of one SSRC and when to request each (RFC 4585 §6.2.1). Allocates nothing per packet. */
export class NackList {
  /** Packets received after a request. */
  repaired = 0;
  /** Smoothed time from request to retransmission, or undefined if unknown. */
  roundTripMs: number | undefined;
  readonly #giveUpMs: number;
  /** Retransmissions have their own stream: a packet in the original one was late, not lost. */
  readonly #hasRepairs: boolean;
  // Ordered by sequence number.
  readonly #sequences = new Uint16Array(CAPACITY);
  readonly #sinceMs = new Float64Array(CAPACITY);
  readonly #requestedMs = new Float64Array(CAPACITY);
  readonly #tries = new Uint8Array(CAPACITY);
  #count = 0;
  #highest = -1;
  #reorderWaitMs = 0;

  /**
   * @param giveUpMs a packet missing for longer is useless
   * @param hasRepairs retransmissions have their own stream
   */
  constructor(giveUpMs: number, hasRepairs: boolean) {
    this.#giveUpMs = giveUpMs;
    this.#hasRepairs = hasRepairs;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  isMissing(sequence: number): boolean {
    return this.#find(sequence) >= 0;
  }

  /** @param isRepair received as a retransmission */
  arrived(sequence: number, atMs: number, isRepair: boolean): void {
    const ahead = this.#highest < 0 ? 1 : (sequence - this.#highest) & 0xffff;
    if (ahead === 0 || ahead >= 0x8000) {
      this.#fill(sequence, atMs, isRepair);
      return;
    }
    if (ahead - 1 > CAPACITY) {
      this.#count = 0;
    } else {
      for (let missing = 1; missing < ahead; missing += 1) {
        this.#add((this.#highest + missing) & 0xffff, atMs);
      }
    }
    this.#highest = sequence;
  }

  /**
   * Marks the packets that are due as requested and drops those that expired.
   * @param due receives their sequence numbers in order; 256 entries
   * @returns how many
   */
  collect(nowMs: number, due: Uint16Array): number {
    let kept = 0;
    let dueCount = 0;
    for (let i = 0; i < this.#count; i += 1) {
      const isExpired = (this.#tries[i] as number) >= 10 || nowMs - (this.#sinceMs[i] as number) >= this.#giveUpMs;
      if (isExpired) {
        continue;
      }
      this.#move(i, kept);
      if (this.#isDue(kept, nowMs)) {
        this.#requestedMs[kept] = nowMs;
        this.#tries[kept] = (this.#tries[kept] as number) + 1;
        due[dueCount] = this.#sequences[kept] as number;
        dueCount += 1;
      }
      kept += 1;
    }
    this.#count = kept;
    return dueCount;
  }

  /** The next packet belongs to another sender. */
  clear(): void {
    this.#count = 0;
    this.#highest = -1;
  }

  #isDue(i: number, nowMs: number): boolean {
    const tries = this.#tries[i] as number;
    if (tries > 0) {
      const retryMs = this.roundTripMs === undefined ? RETRY_MS : 1.5 * this.roundTripMs;
      const dueMs = tries * Math.max(MIN_RETRY_MS, retryMs);
      return nowMs - (this.#requestedMs[i] as number) >= Math.min(250, dueMs);
    }
    const missingMs = nowMs - (this.#sinceMs[i] as number);
    const later = (this.#highest - (this.#sequences[i] as number)) & 0xffff;
    return missingMs >= this.#reorderWaitMs && (later >= LATER_PACKETS || missingMs >= FIRST_REQUEST_MS);
  }

  #add(sequence: number, atMs: number): void {
    if (this.#count === CAPACITY) {
      // The oldest one expires first anyway.
      this.#remove(0);
    }
    this.#sequences[this.#count] = sequence;
    this.#sinceMs[this.#count] = atMs;
    this.#tries[this.#count] = 0;
    this.#count += 1;
    this.#reorderWaitMs *= DECAY;
  }

  #fill(sequence: number, atMs: number, isRepair: boolean): void {
    const i = this.#find(sequence);
    if (i < 0) {
      return;
    }
    const tries = this.#tries[i] as number;
    if (this.#hasRepairs ? !isRepair : tries === 0) {
      const lateMs = REORDER_FACTOR * (atMs - (this.#sinceMs[i] as number));
      this.#reorderWaitMs = Math.min(MAX_REORDER_WAIT_MS, Math.max(this.#reorderWaitMs, lateMs));
    } else {
      this.repaired += 1;
      this.#updateRoundTrip(i, atMs);
    }
    this.#remove(i);
  }

  #updateRoundTrip(i: number, atMs: number): void {
    if (this.#tries[i] === 1) {
      // After a second request it is unknown which one was answered.
      const tripMs = atMs - (this.#requestedMs[i] as number);
      this.roundTripMs = this.roundTripMs === undefined ? tripMs : 0.875 * this.roundTripMs + 0.125 * tripMs;
    }
  }

  #find(sequence: number): number {
    for (let i = 0; i < this.#count; i += 1) {
      if (this.#sequences[i] === sequence) {
        return i;
      }
    }
    return -1;
  }

  #remove(i: number): void {
    for (let next = i + 1; next < this.#count; next += 1) {
      this.#move(next, next - 1);
    }
    this.#count -= 1;
  }

  #move(from: number, to: number): void {
    this.#sequences[to] = this.#sequences[from] as number;
    this.#sinceMs[to] = this.#sinceMs[from] as number;
    this.#requestedMs[to] = this.#requestedMs[from] as number;
    this.#tries[to] = this.#tries[from] as number;
  }
}
