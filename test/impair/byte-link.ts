import type { Clock } from '../../agent/base/clock.ts';
import { random } from '../support/base/random.ts';
import type { LinkState } from './packet-link.ts';

/** Delays the bytes of one direction of a TCP connection: all arrive, in order. */
export interface ByteImpairment {
  readonly seed: number;
  readonly bitsPerSecond?: number;
  /** Each write is delayed by a random time from 0 to this. */
  readonly jitterMs?: number;
  /** The connection ends behind this byte. */
  readonly cutAfterBytes?: number;
}

/** Size of one write over a slow link. */
const SLICE_MS = 20;

/** One direction of a connection. Await `carry` before reading on, so that the sender feels the backpressure. */
export class ByteLink {
  /** Bytes that were lost in a black hole. */
  swallowedBytes = 0;
  readonly #impairment: ByteImpairment;
  readonly #random: () => number;
  readonly #clock: Clock;
  readonly #write: (bytes: Uint8Array) => Promise<void> | void;
  readonly #closed = new AbortController();
  #state: LinkState = 'open';
  #opened: PromiseWithResolvers<void> | undefined;
  #carriedBytes = 0;

  /** @param write takes the bytes that arrive; the next ones wait for it */
  constructor(impairment: ByteImpairment, clock: Clock, write: (bytes: Uint8Array) => Promise<void> | void) {
    this.#impairment = impairment;
    this.#random = random(impairment.seed);
    this.#clock = clock;
    this.#write = write;
  }

  get state(): LinkState {
    return this.#state;
  }

  set state(state: LinkState) {
    this.#state = state;
    if (state !== 'stalled') {
      this.#opened?.resolve();
      this.#opened = undefined;
    }
  }

  /** Resolves when the bytes are at the other end, or lost in a black hole. @returns whether the connection is still open */
  async carry(bytes: Uint8Array): Promise<boolean> {
    const { bitsPerSecond = Number.POSITIVE_INFINITY, jitterMs = 0, cutAfterBytes } = this.#impairment;
    const leftBytes = (cutAfterBytes ?? Number.POSITIVE_INFINITY) - this.#carriedBytes;
    const kept = bytes.subarray(0, Math.min(bytes.length, leftBytes));
    this.#carriedBytes += kept.length;
    await this.#pass(this.#random() * jitterMs);
    const bytesPerMs = bitsPerSecond / 8000;
    const sliceBytes = Math.max(1, Math.min(kept.length, Math.floor(bytesPerMs * SLICE_MS)));
    for (let at = 0; at < kept.length; at += sliceBytes) {
      const slice = kept.subarray(at, at + sliceBytes);
      await this.#pass(slice.length / bytesPerMs);
      if (this.#closed.signal.aborted) {
        return false;
      }
      if (this.#state === 'blackHole') {
        this.swallowedBytes += slice.length;
      } else {
        await this.#write(slice);
      }
    }
    return bytes.length < leftBytes;
  }

  close(): void {
    this.#closed.abort();
    this.state = 'open';
  }

  /** Time passes, and a stall. */
  async #pass(ms: number): Promise<void> {
    if (ms > 0) {
      await this.#clock.sleep(ms, this.#closed.signal);
    }
    while (this.#state === 'stalled') {
      this.#opened ??= Promise.withResolvers();
      await this.#opened.promise;
    }
  }
}
