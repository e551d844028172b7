import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import type { Stream } from '../stream/stream.ts';

/** Between getting a stream and reading it lies an answer over the network: so long it is kept even when nobody reads. */
const MIN_GRACE_MS = 1_000;
/** More requests than this at the same time are not viewers. */
const MAX_HELD = 1_000;

export interface OnDemandTimes {
  /** Requests are held at most this long. */
  readonly startTimeoutMs: number;
  /** Without readers the source goes on this long. */
  readonly closeAfterMs: number;
}

/** The path whose source it starts and stops. */
interface OnDemandOwner {
  readonly name: string;
  /** @param query of the request that wants it */
  startSource(query: string): void;
  /** @param isUnread nobody has read for the whole time */
  stopSource(isUnread: boolean): void;
  /** Why the source has not come so far, if that is known. */
  readonly sourceFault: unknown;
  /** How long the source has waited for the answer to another one's login: that is not its delay. */
  readonly heldMs: number;
}

interface Held {
  resolve(stream: Stream): void;
  reject(cause: PerchError): void;
}

/** A source that runs only while somebody wants it: started by a request, which is held until the stream is there. */
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

  /** They hold from the next wait on. */
  setTimes(times: OnDemandTimes): void {
    this.#times = times;
  }

  get isInitial(): boolean {
    return this.#state === 'initial';
  }

  /** Somebody wants the stream, which is not there. @throws PerchError timeout, exhausted */
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

  /** Somebody gets the stream that is there, and reads it soon or does not: like a reader who leaves now. */
  touch(audience: number): void {
    if (this.#state === 'ready' && audience === 0) {
      this.#closeAfter(Math.max(MIN_GRACE_MS, this.#times.closeAfterMs));
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

  /** Another source takes the place of the one that is there: it has as much time to come. */
  sourceReplaced(): void {
    if (this.#state === 'ready') {
      this.#state = 'starting';
      this.#giveUpAfter(this.#times.startTimeoutMs);
    }
  }

  /** The source has failed after it was there: it is started again by the next request. */
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

  /** The path goes. */
  close(): void {
    const { name } = this.#owner;
    this.#stop();
    this.#fail(new PerchError('notFound', `no stream is available on path '${name}': it was changed`, { path: name }));
  }

  /** As much later as the source is held up meanwhile. */
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

  /** One timer at a time: the former one is over. */
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
