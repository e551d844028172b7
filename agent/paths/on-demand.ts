import type { Clock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import type { Stream } from '../stream/stream.ts';

/** Waiting requests of one path. */
const MAX_HELD = 1_000;

export interface OnDemandTimes {
  /** Longest wait of a request for the stream. */
  readonly startTimeoutMs: number;
  /** How long the source runs without a reader. */
  readonly closeAfterMs: number;
}

interface OnDemandOwner {
  readonly name: string;
  /** @param query of the request that starts it */
  startSource(query: string): void;
  /** @param isUnread `closeAfterMs` has passed without a reader */
  stopSource(isUnread: boolean): void;
  /** Why there is no stream yet, or undefined if unknown. */
  readonly sourceFault: unknown;
  /** Time spent waiting for login turns, which does not count as delay. */
  readonly heldMs: number;
}

interface Held {
  resolve(stream: Stream): void;
  reject(cause: PerchError): void;
}

/** Runs a source only while it has readers: the first request starts it and waits for the stream. */
export class OnDemand {
  #times: OnDemandTimes;
  readonly #owner: OnDemandOwner;
  readonly #clock: Clock;
  #state: 'initial' | 'starting' | 'ready' = 'initial';
  #held: Held[] = [];
  #timer: AbortController | undefined;

  constructor(times: OnDemandTimes, owner: OnDemandOwner, clock: Clock) {
    this.#times = times;
    this.#owner = owner;
    this.#clock = clock;
  }

  /** Takes effect with the next timer. */
  setTimes(times: OnDemandTimes): void {
    this.#times = times;
  }

  get isInitial(): boolean {
    return this.#state === 'initial';
  }

  /** Resolves with the stream. @throws PerchError timeout, exhausted, unavailable */
  request(query: string): Promise<Stream> {
    if (this.#held.length >= MAX_HELD) {
      const message = `${MAX_HELD} requests wait for the source of path '${this.#owner.name}' already`;
      return Promise.reject(new PerchError('exhausted', message, { path: this.#owner.name }));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Stream>();
    this.#held.push({ resolve, reject });
    if (this.#state === 'initial') {
      this.#state = 'starting';
      this.#giveUpAfter(this.#times.startTimeoutMs);
      this.#owner.startSource(query);
    }
    return promise;
  }

  /** Called when a request got the open stream, which it may read or not. */
  touch(audience: number): void {
    if (this.#state === 'ready' && audience === 0) {
      // A network round trip lies between `open` and reading.
      this.#closeAfter(Math.max(1_000, this.#times.closeAfterMs));
    }
  }

  streamOpened(stream: Stream): void {
    if (this.#state !== 'starting') {
      return;
    }
    this.#state = 'ready';
    for (const { resolve } of this.#letGo()) {
      resolve(stream);
    }
    this.touch(stream.audience);
  }

  /** Another source, or another stream of the source, replaces the present one; it has the same time to start. */
  sourceReplaced(): void {
    if (this.#state === 'ready') {
      this.#state = 'starting';
      this.#giveUpAfter(this.#times.startTimeoutMs);
    }
  }

  /** Waiting requests fail at once; the next one tries again. */
  sourceAway(cause: PerchError): void {
    if (this.#state === 'starting') {
      const { name } = this.#owner;
      this.#stop();
      const { absence } = cause.context;
      this.#fail(new PerchError('unavailable', explain(cause), { path: name, why: 'away', absence }, cause));
    }
  }

  /** The source has failed while open: the next request starts it again. */
  streamClosed(): void {
    if (this.#state === 'ready') {
      this.#stop();
    }
  }

  audienceChanged(audience: number): void {
    if (this.#state !== 'ready') {
      return;
    }
    if (audience > 0) {
      this.#timer?.abort();
    } else {
      this.#closeAfter(this.#times.closeAfterMs);
    }
  }

  /** Called when the path is removed or changed. */
  close(): void {
    const { name } = this.#owner;
    this.#stop();
    this.#fail(new PerchError('notFound', `no stream is available on path '${name}': it was changed`, { path: name }));
  }

  /** Gives up after `ms` plus the time spent waiting for login turns. */
  #giveUpAfter(ms: number): void {
    const beforeMs = this.#owner.heldMs;
    this.#after(ms, () => {
      const moreMs = this.#owner.heldMs - beforeMs;
      if (moreMs > 0) {
        this.#giveUpAfter(moreMs);
      } else {
        this.#giveUp();
      }
    });
  }

  #giveUp(): void {
    const { name, sourceFault } = this.#owner;
    this.#stop();
    this.#fail(new PerchError('timeout', `source of path '${name}' has timed out`, { path: name }, sourceFault));
  }

  #closeAfter(ms: number): void {
    this.#after(ms, () => this.#stop(true));
  }

  #stop(isUnread = false): void {
    this.#timer?.abort();
    if (this.#state !== 'initial') {
      this.#state = 'initial';
      this.#owner.stopSource(isUnread);
    }
  }

  #fail(cause: PerchError): void {
    for (const { reject } of this.#letGo()) {
      reject(cause);
    }
  }

  #letGo(): Held[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /** Replaces the previous timer. */
  #after(ms: number, then: () => void): void {
    this.#timer?.abort();
    const timer = new AbortController();
    this.#timer = timer;
    void this.#clock.sleep(ms, timer.signal).then(() => {
      if (!timer.signal.aborted) {
        then();
      }
    });
  }
}
