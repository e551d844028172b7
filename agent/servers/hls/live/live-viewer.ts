import type { LiveFragment } from './live-fragment.ts';
import type { FragmentViewer, LiveFragments, LiveInit } from './live-fragments.ts';
import type { MseError } from './mse-protocol.ts';

/** A WebSocket, or the body of an HTTP response. */
export interface ViewerOutput {
  /** Bytes written but not sent. */
  readonly queuedBytes: number;
  /** @returns false if it cannot continue: not every output supports a second init segment */
  writeInit(init: LiveInit, startS: number, liveS: number): boolean;
  /** @returns whether the fragment is needed after the call */
  writeFragment(fragment: LiveFragment): boolean;
  writeClock(message: Buffer): void;
  /** Fragments are missing up to this media time. */
  writeSkip(toS: number): void;
  /** Sends the reason if possible, and ends. */
  end(code: MseError['code'], reason: string): void;
}

/** Limit of the queue after the first GOP: a second or two of a good camera. */
export const QUEUE_BYTES = 2 << 20;
/** A viewer that is full for this long is disconnected. */
export const HOPELESS_MS = 15_000;

/** A viewer: receives fragments while its queue has room, else drops all until a key frame. */
export class LiveViewer implements FragmentViewer {
  /** Number of dropped samples. */
  discarded = 0;
  sentBytes = 0;
  readonly #output: ViewerOutput;
  readonly #fragments: LiveFragments;
  readonly #monoMs: () => number;
  readonly #countSent: (bytes: number) => void;
  /** Called once, unless `close` was called before. */
  readonly #onEnd: (code: MseError['code'], cause: unknown) => void;
  /** Limit of the queue, raised while the first GOP is sent. */
  #allowedBytes = QUEUE_BYTES;
  /** Monotonic time since which fragments are dropped, or undefined if none are. */
  #skippingMs: number | undefined;
  #isOver = false;

  constructor(
    output: ViewerOutput,
    fragments: LiveFragments,
    monoMs: () => number,
    countSent: (bytes: number) => void,
    onEnd: (code: MseError['code'], cause: unknown) => void,
  ) {
    this.#output = output;
    this.#fragments = fragments;
    this.#monoMs = monoMs;
    this.#countSent = countSent;
    this.#onEnd = onEnd;
  }

  start(): void {
    // The first GOP may exceed the limit.
    this.#allowedBytes = Number.POSITIVE_INFINITY;
    this.#fragments.join(this);
    this.#allowedBytes = QUEUE_BYTES + this.#output.queuedBytes;
  }

  close(): void {
    this.#isOver = true;
    this.#fragments.leave(this);
  }

  onInit(init: LiveInit, startS: number, liveS: number): void {
    if (!this.#output.writeInit(init, startS, liveS)) {
      this.#finish('ended', undefined);
    }
  }

  onClock(message: Buffer): void {
    if (!this.#isOver && this.#skippingMs === undefined) {
      this.#output.writeClock(message);
    }
  }

  onFragment(fragment: LiveFragment): boolean {
    if (this.#isOver || !this.#hasRoom(fragment)) {
      return false;
    }
    const bytes = fragment.message.length;
    this.sentBytes += bytes;
    this.#countSent(bytes);
    return this.#output.writeFragment(fragment);
  }

  onEnd(cause?: unknown): void {
    this.#finish('ended', cause);
  }

  #hasRoom({ isKey, mediaS, samples }: LiveFragment): boolean {
    const { queuedBytes } = this.#output;
    if (this.#skippingMs === undefined) {
      // No limit while the first GOP is written, however little is queued.
      if (queuedBytes <= QUEUE_BYTES && this.#allowedBytes !== Number.POSITIVE_INFINITY) {
        this.#allowedBytes = QUEUE_BYTES;
      }
      if (queuedBytes <= this.#allowedBytes) {
        return true;
      }
      this.#skippingMs = this.#monoMs();
    } else if (isKey && queuedBytes <= QUEUE_BYTES / 2) {
      this.#skippingMs = undefined;
      this.#output.writeSkip(mediaS);
      return true;
    }
    this.discarded += samples;
    if (queuedBytes > QUEUE_BYTES / 2 && this.#monoMs() - this.#skippingMs >= HOPELESS_MS) {
      this.#finish('tooSlow', undefined);
    }
    return false;
  }

  #finish(code: MseError['code'], cause: unknown): void {
    if (!this.#isOver) {
      this.close();
      this.#onEnd(code, cause);
    }
  }
}
