/*
 * The window of a connection of HTTP/2 (RFC 9113 §5.2) bounds what the box has sent and the server has not received: in the box's memory, its
 * kernel, its router, and proxies. All streams share that queue, so one that takes all it gets delays the others by the whole window. The
 * server therefore sizes it by what it measures: the rate, and how much longer a ping takes than it does without a queue.
 */

/** A round trip of 100 ms at 20 Mbit/s, and less than half a second of 5 Mbit/s. */
export const FIRST_WINDOW_BYTES = 256 << 10;
const MIN_WINDOW_BYTES = 64 << 10;
const MAX_WINDOW_BYTES = 16 << 20;
/** A ping that waits longer in the queue shows that the window is too large. */
const QUEUE_MS = 100;
/** Of the window: when more is under way, the window may be what limits the rate. It is renewed by halves. */
const FULL_SHARE = 1 / 3;
/** A smaller window that leaves this share of the queue: the others' traffic, or a busy processor, makes it. */
const OTHERS_SHARE = 0.7;
const OTHERS_MS = 30_000;
/** A slower rate than this makes no queue. */
const IDLE_BYTES_PER_MS = 8;
/** After this time the round trip without a queue is measured again, with half of the window for one sample. */
const BASE_MS = 60_000;
const SAME_BASE_MS = 10;

interface Sample {
  /** From a ping to its answer; while there is none, the time since then. */
  readonly roundTripMs: number;
  /** Of received bytes, since the last sample. */
  readonly bytesPerMs: number;
  /** Monotonic. */
  readonly nowMs: number;
}

/** The window of one link. */
export class LinkWindow {
  #bytes = FIRST_WINDOW_BYTES;
  /** Shortest round trip, which has no queue, and when it was seen. */
  #baseMs = Number.POSITIVE_INFINITY;
  #baseAtMs = Number.NEGATIVE_INFINITY;
  /** Before the window was reduced. */
  #former: { readonly queueMs: number; readonly bytes: number } | undefined;
  /** The queue is not that of this link: it is not reduced until then. */
  #othersUntilMs = Number.NEGATIVE_INFINITY;
  /** Window before the smaller one that measures the base. */
  #probed: number | undefined;

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a sample is needed, although nothing arrives. */
  wantsBase(nowMs: number): boolean {
    return nowMs - this.#baseAtMs >= BASE_MS;
  }

  add({ roundTripMs, bytesPerMs, nowMs }: Sample): void {
    if (this.#probed !== undefined || bytesPerMs < IDLE_BYTES_PER_MS) {
      this.#baseMs = roundTripMs;
      this.#baseAtMs = nowMs;
      this.#bytes = this.#probed ?? this.#bytes;
      this.#probed = undefined;
      return;
    }
    if (roundTripMs <= this.#baseMs + SAME_BASE_MS) {
      this.#baseMs = Math.min(this.#baseMs, roundTripMs);
      this.#baseAtMs = nowMs;
    }
    const queueMs = roundTripMs - this.#baseMs;
    const isFull = bytesPerMs * roundTripMs >= this.#bytes * FULL_SHARE;
    if (queueMs > QUEUE_MS) {
      this.#reduce(queueMs, bytesPerMs, isFull, nowMs);
    } else {
      this.#former = undefined;
      if (isFull && queueMs < QUEUE_MS / 2) {
        this.#bytes = Math.min(MAX_WINDOW_BYTES, 2 * this.#bytes);
      }
    }
    if (nowMs - this.#baseAtMs >= BASE_MS && this.#former === undefined) {
      this.#probed = this.#bytes;
      this.#bytes = Math.max(MIN_WINDOW_BYTES, this.#bytes / 2);
    }
  }

  #reduce(queueMs: number, bytesPerMs: number, isFull: boolean, nowMs: number): void {
    if (!isFull || nowMs < this.#othersUntilMs) {
      return;
    }
    if (this.#former && queueMs > OTHERS_SHARE * this.#former.queueMs) {
      this.#bytes = this.#former.bytes;
      this.#former = undefined;
      this.#othersUntilMs = nowMs + OTHERS_MS;
      return;
    }
    const bytes = Math.max(MIN_WINDOW_BYTES, Math.round(bytesPerMs * (this.#baseMs + QUEUE_MS)));
    if (bytes < this.#bytes) {
      this.#former = { queueMs, bytes: this.#bytes };
      this.#bytes = bytes;
    }
  }
}
