import type { Clock } from '../../../base/clock.ts';

/** Where packets go. */
export interface DatagramTarget {
  /** The network takes less than is sent: nothing more is handed to it for now. */
  readonly isCongested: boolean;
  /** One RTP packet: `bytes[start, start + length)`, which nobody changes any more. */
  sendRtp(track: number, bytes: Buffer, start: number, length: number): void;
}

/** Behind a chunk's `$` and channel stand two bytes of length, RFC 2326 §10.12. */
const FRAME_HEADER_BYTES = 4;
const TICK_MS = 2;
/**
 * A receiver's socket holds some 90 full packets by default (Linux: 208 kB with overhead). So many at once are far from it, and with a
 * tick of 2 ms they are 90 Mbit/s.
 */
const BURST_PACKETS = 16;
/**
 * However much waits is gone after about so many ticks, half a second: streams beyond 90 Mbit/s, and groups of pictures at the start.
 * Faster would be of no use to players, which begin a group in the past anyway, and more than a busy one or a link of 100 Mbit/s takes.
 */
const DRAIN_TICKS = 250;
/** A group of pictures as large as is kept, and the same again. */
const LIMIT_BYTES = 16 << 20;
const LOOSE_CHUNKS = 64;

/**
 * Takes a stream's packets to one UDP destination at a pace that sockets can follow: in the moment of a key frame, or of the group
 * that a reader begins with, everything at once would be lost. Chunks wait where they are, uncopied; there is a timer only while some do.
 */
export class DatagramQueue {
  packets = 0;
  /** RTP headers included. */
  bytes = 0;
  /** Packets that were dropped because the network took too little. */
  discarded = 0;
  readonly #target: DatagramTarget;
  readonly #clock: Clock;
  #chunks: Buffer[] = [];
  #tracks: number[] = [];
  /** The first that waits, and where in it. */
  #first = 0;
  #at = 0;
  #waitingPackets = 0;
  #waitingBytes = 0;
  #credit = BURST_PACKETS;
  #refilledMs = 0;
  #stopTicks: (() => void) | undefined;

  constructor(target: DatagramTarget, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  /** @returns false: too much waits already; all of it has been dropped, and so has this */
  push(chunk: Buffer, track: number, packets: number): boolean {
    if (this.#waitingBytes + chunk.length > LIMIT_BYTES) {
      this.discarded += this.#waitingPackets + packets;
      this.clear();
      return false;
    }
    this.#chunks.push(chunk);
    this.#tracks.push(track);
    this.#waitingPackets += packets;
    this.#waitingBytes += chunk.length;
    if (!this.#stopTicks) {
      const nowMs = this.#clock.monoMs();
      if (nowMs - this.#refilledMs >= TICK_MS) {
        this.#refill(nowMs);
      }
      this.#send();
      if (this.#waitingPackets > 0) {
        this.#stopTicks = this.#clock.every(TICK_MS, () => this.#tick());
      }
    }
    return true;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#stopTicks?.();
    this.#stopTicks = undefined;
    this.#chunks = [];
    this.#tracks = [];
    this.#first = 0;
    this.#at = 0;
    this.#waitingPackets = 0;
    this.#waitingBytes = 0;
  }

  #tick(): void {
    this.#refill(this.#clock.monoMs());
    this.#send();
    if (this.#waitingPackets === 0) {
      this.clear();
    }
  }

  #refill(nowMs: number): void {
    this.#refilledMs = nowMs;
    this.#credit = Math.max(BURST_PACKETS, Math.ceil(this.#waitingPackets / DRAIN_TICKS));
  }

  #send(): void {
    while (this.#waitingPackets > 0 && this.#credit > 0 && !this.#target.isCongested) {
      this.#sendNext();
    }
    if (this.#waitingPackets === 0 && this.#chunks.length > 0) {
      // The usual case: an array of one, which is used again.
      this.#chunks.length = 0;
      this.#tracks.length = 0;
      this.#first = 0;
    }
  }

  #sendNext(): void {
    const chunk = this.#chunks[this.#first] as Buffer;
    const at = this.#at;
    const length = ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number);
    this.#target.sendRtp(this.#tracks[this.#first] as number, chunk, at + FRAME_HEADER_BYTES, length);
    this.packets += 1;
    this.bytes += length;
    this.#credit -= 1;
    this.#waitingPackets -= 1;
    this.#at = at + FRAME_HEADER_BYTES + length;
    if (this.#at === chunk.length) {
      this.#at = 0;
      this.#first += 1;
      this.#waitingBytes -= chunk.length;
      if (this.#first === LOOSE_CHUNKS) {
        // A queue that never runs empty must not hold on to what is gone.
        this.#chunks.splice(0, LOOSE_CHUNKS);
        this.#tracks.splice(0, LOOSE_CHUNKS);
        this.#first = 0;
      }
    }
  }
}
