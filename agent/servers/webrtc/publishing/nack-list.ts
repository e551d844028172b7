/** More holes than this are no loss any more: the picture is broken, and a key frame mends it. */
const CAPACITY = 256;
/** A packet may simply be late: it is asked for when two later ones are there, or after this long. */
const LATER_PACKETS = 2;
const FIRST_ASK_MS = 12;
/** On networks that shuffle packets nothing is asked for before late ones have usually come; this is forgotten slowly. */
const MAX_PATIENCE_MS = 60;
const PATIENCE = 1.25;
const FORGET = 0.98;
/** The repetition should be there by then; a longer round trip is learnt from the first answers. Then it is twice that, and so on. */
const RETRY_MS = 60;
const MIN_RETRY_MS = 30;
const MAX_RETRY_MS = 250;
const MAX_TRIES = 10;

/** The packets of one SSRC that are missing, and when each is to be asked for (RFC 4585 §6.2.1). Nothing is allocated per packet. */
export class NackList {
  /** Packets that came because they had been asked for. */
  repaired = 0;
  /** From asking to getting, smoothed; undefined: not known. */
  roundTripMs: number | undefined;
  readonly #giveUpMs: number;
  /** Repetitions come in a stream of their own: what comes in the first one was late, not lost. */
  readonly #hasRepairs: boolean;
  // In the order of the sequence numbers.
  readonly #sequences = new Uint16Array(CAPACITY);
  readonly #sinceMs = new Float64Array(CAPACITY);
  readonly #askedMs = new Float64Array(CAPACITY);
  readonly #tries = new Uint8Array(CAPACITY);
  #count = 0;
  /** -1 before the first packet. */
  #highest = -1;
  #patienceMs = 0;

  /**
   * @param giveUpMs a packet that is missing for longer is of no use any more
   * @param hasRepairs repetitions come in a stream of their own
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

  /** A packet has come. @param isRepair in the stream of repetitions */
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
   * Takes note of the packets that are asked for now, and gives up on those that nobody waits for any more.
   * @param due gets their sequence numbers in order; as long as the list can be, 256
   * @returns how many
   */
  collect(nowMs: number, due: Uint16Array): number {
    let kept = 0;
    let dueCount = 0;
    for (let i = 0; i < this.#count; i += 1) {
      const isHopeless =
        (this.#tries[i] as number) >= MAX_TRIES || nowMs - (this.#sinceMs[i] as number) >= this.#giveUpMs;
      if (isHopeless) {
        continue;
      }
      this.#move(i, kept);
      if (this.#isDue(kept, nowMs)) {
        this.#askedMs[kept] = nowMs;
        this.#tries[kept] = (this.#tries[kept] as number) + 1;
        due[dueCount] = this.#sequences[kept] as number;
        dueCount += 1;
      }
      kept += 1;
    }
    this.#count = kept;
    return dueCount;
  }

  /** The next packet is the first of another sender. */
  clear(): void {
    this.#count = 0;
    this.#highest = -1;
  }

  #isDue(i: number, nowMs: number): boolean {
    const tries = this.#tries[i] as number;
    if (tries > 0) {
      const retryMs = this.roundTripMs === undefined ? RETRY_MS : 1.5 * this.roundTripMs;
      const dueMs = tries * Math.max(MIN_RETRY_MS, retryMs);
      return nowMs - (this.#askedMs[i] as number) >= Math.min(MAX_RETRY_MS, dueMs);
    }
    const missingMs = nowMs - (this.#sinceMs[i] as number);
    const later = (this.#highest - (this.#sequences[i] as number)) & 0xffff;
    return missingMs >= this.#patienceMs && (later >= LATER_PACKETS || missingMs >= FIRST_ASK_MS);
  }

  #add(sequence: number, atMs: number): void {
    if (this.#count === CAPACITY) {
      // The oldest is the first to be given up anyway.
      this.#remove(0);
    }
    this.#sequences[this.#count] = sequence;
    this.#sinceMs[this.#count] = atMs;
    this.#tries[this.#count] = 0;
    this.#count += 1;
    this.#patienceMs *= FORGET;
  }

  #fill(sequence: number, atMs: number, isRepair: boolean): void {
    const i = this.#find(sequence);
    if (i < 0) {
      return;
    }
    const tries = this.#tries[i] as number;
    if (this.#hasRepairs ? !isRepair : tries === 0) {
      const lateMs = PATIENCE * (atMs - (this.#sinceMs[i] as number));
      this.#patienceMs = Math.min(MAX_PATIENCE_MS, Math.max(this.#patienceMs, lateMs));
    } else {
      this.repaired += 1;
      this.#learnTrip(i, atMs);
    }
    this.#remove(i);
  }

  #learnTrip(i: number, atMs: number): void {
    if (this.#tries[i] === 1) {
      // Of one that was asked for again nobody knows which answer it is.
      const tripMs = atMs - (this.#askedMs[i] as number);
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
    this.#askedMs[to] = this.#askedMs[from] as number;
    this.#tries[to] = this.#tries[from] as number;
  }
}
