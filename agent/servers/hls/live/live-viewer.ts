import type { LiveFragment } from './live-fragment.ts';
import type { FragmentViewer, LiveFragments, LiveInit } from './live-fragments.ts';
import type { MseError } from './mse-protocol.ts';

/** Where a viewer's fragments go: a WebSocket, or the body of an answer. */
export interface Outlet {
  /** Bytes that were written and have not left yet. */
  readonly queuedBytes: number;
  /** @returns whether it continues: not every outlet takes a second init segment */
  writeInit(init: LiveInit, startS: number, liveS: number): boolean;
  /** @returns whether it has to stay as it is beyond the call */
  writeFragment(fragment: LiveFragment): boolean;
  writeClock(message: Buffer): void;
  /** Fragments are missing up to this media time. */
  writeSkip(toS: number): void;
  /** Says why as far as it can, and ends. */
  end(code: MseError['code'], reason: string): void;
}

/** What may wait for a viewer, beyond the group that it began with: a second or two of a good camera. */
export const QUEUE_BYTES = 2 << 20;
/** A viewer without room for this long is disconnected. */
export const HOPELESS_MS = 15_000;

/** A viewer: takes fragments while there is room for them, else drops all up to a key picture. */
export class LiveViewer implements FragmentViewer {
  /** Samples. */
  discarded = 0;
  sentBytes = 0;
  readonly #outlet: Outlet;
  readonly #fragments: LiveFragments;
  readonly #monoMs: () => number;
  readonly #countSent: (bytes: number) => void;
  /** Told once, unless `close` was called before. */
  readonly #onEnd: (code: MseError['code'], cause: unknown) => void;
  /** More than usual while the group is being sent that it began with. */
  #allowedBytes = QUEUE_BYTES;
  /** Since when fragments are left out. */
  #skippingMs: number | undefined;
  #isOver = false;

  constructor(
    outlet: Outlet,
    fragments: LiveFragments,
    monoMs: () => number,
    countSent: (bytes: number) => void,
    onEnd: (code: MseError['code'], cause: unknown) => void,
  ) {
    this.#outlet = outlet;
    this.#fragments = fragments;
    this.#monoMs = monoMs;
    this.#countSent = countSent;
    this.#onEnd = onEnd;
  }

  start(): void {
    // A viewer begins with everything since the last key picture, which may be more than may wait later.
    this.#allowedBytes = Number.POSITIVE_INFINITY;
    this.#fragments.join(this);
    this.#allowedBytes = QUEUE_BYTES + this.#outlet.queuedBytes;
  }

  close(): void {
    this.#isOver = true;
    this.#fragments.leave(this);
  }

  onInit(init: LiveInit, startS: number, liveS: number): void {
    if (!this.#outlet.writeInit(init, startS, liveS)) {
      this.#finish('ended', undefined);
    }
  }

  onClock(message: Buffer): void {
    if (!this.#isOver && this.#skippingMs === undefined) {
      this.#outlet.writeClock(message);
    }
  }

  onFragment(fragment: LiveFragment): boolean {
    if (this.#isOver || !this.#hasRoom(fragment)) {
      return false;
    }
    const bytes = fragment.message.length;
    this.sentBytes += bytes;
    this.#countSent(bytes);
    return this.#outlet.writeFragment(fragment);
  }

  onEnd(cause?: unknown): void {
    this.#finish('ended', cause);
  }

  #hasRoom({ isKey, mediaS, samples }: LiveFragment): boolean {
    const { queuedBytes } = this.#outlet;
    if (this.#skippingMs === undefined) {
      // While the group that it begins with is written there is no limit, however little waits yet.
      if (queuedBytes <= QUEUE_BYTES && this.#allowedBytes !== Number.POSITIVE_INFINITY) {
        this.#allowedBytes = QUEUE_BYTES;
      }
      if (queuedBytes <= this.#allowedBytes) {
        return true;
      }
      this.#skippingMs = this.#monoMs();
    } else if (isKey && queuedBytes <= QUEUE_BYTES / 2) {
      this.#skippingMs = undefined;
      this.#outlet.writeSkip(mediaS);
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
