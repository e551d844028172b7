import { randomBytes } from 'node:crypto';
import { type Clock, endsWithin } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { CameraDetection, OnvifSource } from './contract.ts';
import { fault } from './soap.ts';
import { TOPICS, topicsOf } from './topics.ts';

const TICK_MS = 5_000;

/** A message of a property topic. */
export interface Message {
  /** Topic path below tns1. */
  readonly topic: string;
  readonly operation: 'Initialized' | 'Changed';
  readonly isOn: boolean;
  readonly timeMs: number;
}

export interface PullPoint {
  readonly id: string;
  readonly path: string;
  readonly user: string;
  readonly passes: (topic: string) => boolean;
  readonly waiting: Message[];
  /** Monotonic time when the subscription expires. */
  endsMs: number;
  /** Ends a waiting pull. */
  wake: () => void;
}

/** The subscriptions of recorders to events of the cameras. */
export class PullPoints {
  readonly #source: OnvifSource;
  readonly #clock: Clock;
  readonly #points = new Map<string, PullPoint>();
  /** Topics that are on, by `path topic`. */
  readonly #on = new Set<string>();
  readonly #leave: (() => void)[] = [];

  constructor(source: OnvifSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#leave.push(
      source.onEvent((news) => this.#deliver(news)),
      clock.every(TICK_MS, () => this.#removeExpired()),
    );
  }

  close(): void {
    for (const leave of this.#leave) {
      leave();
    }
    for (const { id } of [...this.#points.values()]) {
      this.#remove(id);
    }
  }

  get count(): number {
    return this.#points.size;
  }

  /** @throws PerchError if there are too many */
  create(wanted: Pick<PullPoint, 'path' | 'user' | 'passes'>, lifeMs: number): PullPoint {
    this.#removeExpired();
    const ofCamera = [...this.#points.values()].filter(({ path }) => path === wanted.path).length;
    // Recorders that crash leave their pull points until these expire.
    if (ofCamera >= 16 || this.#points.size >= 128) {
      const text = `there are ${ofCamera} subscriptions to events of this camera: end one, or let it expire`;
      throw new PerchError('exhausted', text, { codes: ['Action', 'MaxPullPoints'] });
    }
    const point: PullPoint = {
      ...wanted,
      id: randomBytes(12).toString('hex'),
      waiting: [],
      endsMs: this.#clock.monoMs() + lifeMs,
      wake: () => {},
    };
    this.#points.set(point.id, point);
    this.addState(point);
    return point;
  }

  /** @throws PerchError a fault if the subscription is unknown, expired, or another login's */
  find(id: string | undefined, path: string, user: string | undefined): PullPoint {
    this.#removeExpired();
    const point = this.#points.get(id ?? '');
    if (!point || point.path !== path || point.user !== user) {
      throw fault('this subscription does not exist, or has expired: create a new one', 'InvalidArgVal', 'NoEntity');
    }
    return point;
  }

  has({ id }: PullPoint): boolean {
    return this.#points.has(id);
  }

  remove(point: PullPoint): void {
    this.#remove(point.id);
  }

  renew(point: PullPoint, lifeMs: number): void {
    point.endsMs = this.#clock.monoMs() + lifeMs;
  }

  /** Queues the present state of all topics, as when the subscription was created (ONVIF Core §9.5). */
  addState(point: PullPoint): void {
    const running = this.#source.isPrivate(point.path) ? [] : this.#source.ongoing(point.path);
    const timeMs = this.#clock.wallMs();
    for (const topic of TOPICS) {
      const isOn = running.some((event) => topicsOf(event).includes(topic));
      this.#queue(point, { topic: topic.path, operation: 'Initialized', isOn, timeMs });
    }
  }

  /** Waits for the first message. Returns none after the timeout, when the client has gone, or when a later pull takes over. */
  async pull(point: PullPoint, limit: number, timeoutMs: number, signal: AbortSignal): Promise<readonly Message[]> {
    point.wake();
    if (point.waiting.length === 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      point.wake = resolve;
      const end = (): void => resolve();
      signal.addEventListener('abort', end, { once: true });
      await endsWithin(this.#clock, timeoutMs, promise);
      signal.removeEventListener('abort', end);
      resolve();
    }
    return signal.aborted ? [] : point.waiting.splice(0, limit);
  }

  #deliver(news: CameraDetection): void {
    const running = this.#source.isPrivate(news.path) ? [] : this.#source.ongoing(news.path);
    for (const topic of topicsOf(news)) {
      const key = `${news.path} ${topic.path}`;
      const wasOn = this.#on.has(key);
      // Another event of the same type may still be ongoing.
      const isOn = running.some((event) => topicsOf(event).includes(topic));
      if (isOn) {
        this.#on.add(key);
      } else {
        this.#on.delete(key);
      }
      // A momentary event was reported once, with its end.
      const isPulse = news.endMs !== undefined && !wasOn && !isOn && !this.#source.isPrivate(news.path);
      const states = isPulse ? [true, false] : wasOn === isOn ? [] : [isOn];
      for (const state of states) {
        const timeMs = state ? news.startMs : (news.endMs ?? news.startMs);
        this.#tell(news.path, { topic: topic.path, operation: 'Changed', isOn: state, timeMs });
      }
    }
  }

  #tell(path: string, message: Message): void {
    for (const point of this.#points.values()) {
      if (point.path === path) {
        this.#queue(point, message);
      }
    }
  }

  #queue(point: PullPoint, message: Message): void {
    if (!point.passes(message.topic)) {
      return;
    }
    if (point.waiting.length >= 100) {
      point.waiting.shift();
    }
    point.waiting.push(message);
    point.wake();
  }

  #removeExpired(): void {
    const nowMs = this.#clock.monoMs();
    for (const { id, endsMs } of [...this.#points.values()]) {
      if (endsMs <= nowMs) {
        this.#remove(id);
      }
    }
  }

  #remove(id: string): void {
    this.#points.get(id)?.wake();
    this.#points.delete(id);
  }
}
