import type { Clock } from '../../../base/clock.ts';

export interface DatagramTarget {
  /** The network is slower than the stream: nothing more may be sent for now. */
  readonly isCongested: boolean;
  /** One RTP packet: `bytes[start, start + length)`, which must not change afterwards. */
  sendRtp(track: number, bytes: Buffer, start: number, length: number): void;
}

/** `$`, channel and two bytes of length, RFC 2326 §10.12. */
const FRAME_HEADER_BYTES = 4;
const TICK_MS = 2;
/**
 * A receiver's socket holds about 90 full packets by default (Linux: 208 kB with overhead). This is far less and, with
 * a tick of 2 ms, 90 Mbit/s.
 */
const BURST_PACKETS = 16;
/**
 * A longer queue is sent within this many ticks, half a second: streams beyond 90 Mbit/s, and the GOP at the start.
 * Players gain nothing from a faster start, and a busy player or a 100 Mbit/s link cannot follow.
 */
const DRAIN_TICKS = 250;
/** Twice the largest cached GOP. */
const LIMIT_BYTES = 16 << 20;
const LOOSE_CHUNKS = 64;

/**
 * Sends a stream's packets to one UDP destination at a pace that sockets can follow. A key frame, or a reader's first
 * GOP, would be lost if sent at once. Chunks are queued without a copy; a timer runs only while some wait.
 */
export class DatagramQueue {
  packets = 0;
  /** With RTP headers. */
  bytes = 0;
  /** Packets dropped because of congestion. */
  discarded = 0;
  readonly #target: DatagramTarget;
  readonly #clock: Clock;
  #chunks: Buffer[] = [];
  #tracks: number[] = [];
  /** The first queued chunk and the offset in it. */
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

  /** @returns false: the queue overflowed and was dropped with this chunk */
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
      // The usual case: a single chunk, whose array is reused.
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
        // A queue that never runs empty must release sent chunks.
        this.#chunks.splice(0, LOOSE_CHUNKS);
        this.#tracks.splice(0, LOOSE_CHUNKS);
        this.#first = 0;
      }
    }
  }
}
