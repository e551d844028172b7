import type { Clock } from '../../../base/clock.ts';
import { MAX_SEGMENTS } from '../../../native/segmented-message.ts';
import { FRAME_HEADER_BYTES } from '../../../stream/interleaved-writer.ts';

export interface DatagramTarget {
  /** The network is slower than the stream: nothing more may be sent for now. */
  readonly isCongested: boolean;
  /**
   * @param frames interleaved, which must not change afterwards
   * @param count of RTP packets from `start` on, at most `MAX_SEGMENTS`: all of one size, the last may be shorter
   */
  sendFrames(track: number, frames: Buffer, start: number, count: number): void;
}

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
const LOOSE_CHUNKS = 64;

/**
 * Sends a stream's packets to one UDP destination at a pace that sockets can follow. A key frame, or a reader's first
 * GOP, would be lost if sent at once. Chunks are queued without a copy; a timer runs only while some wait.
 */
export class DatagramQueue {
  packets = 0;
  /** Bytes sent, with RTP headers. */
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
    // Twice the largest cached GOP.
    if (this.#waitingBytes + chunk.length > 16 << 20) {
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
      this.#sendRun();
    }
    if (this.#waitingPackets === 0 && this.#chunks.length > 0) {
      // The usual case: a single chunk, whose array is reused.
      this.#chunks.length = 0;
      this.#tracks.length = 0;
      this.#first = 0;
    }
  }

  /** Packets of one size, and a shorter one: they can be sent as a burst. */
  #sendRun(): void {
    const chunk = this.#chunks[this.#first] as Buffer;
    const start = this.#at;
    const max = Math.min(this.#credit, MAX_SEGMENTS);
    const length = lengthAt(chunk, start);
    let end = start + FRAME_HEADER_BYTES + length;
    let last = length;
    let count = 1;
    while (count < max && end < chunk.length && last === length) {
      const next = lengthAt(chunk, end);
      if (next > length) {
        break;
      }
      last = next;
      end += FRAME_HEADER_BYTES + next;
      count += 1;
    }
    this.#target.sendFrames(this.#tracks[this.#first] as number, chunk, start, count);
    this.packets += count;
    this.bytes += end - start - FRAME_HEADER_BYTES * count;
    this.#credit -= count;
    this.#waitingPackets -= count;
    this.#at = end;
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

const lengthAt = (chunk: Buffer, at: number): number => ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number);
