import type { Clock } from '../../base/clock.ts';
import { EVENT_KINDS, type EventKind } from '../../base/event-kinds.ts';
import { MINUTE_MS } from '../../base/time/units.ts';
import type { Notification } from './notifications.ts';
import { detectionsOf } from './topics.ts';

/** Cameras lose or omit the end of a detection: without further notifications it ends after this time. */
export const SILENCE_MS = 45_000;
/** Continuous motion becomes consecutive events, so nothing waits for an end for hours. */
export const MAX_MS = 1_800_000;
const SWEEP_MS = 5_000;
/** Maximum number of states, which are kept by topic and source; a camera has some dozens. */
const MAX_STATES = 128;

/**
 * Called when a detection starts or ends; `undefined`: momentary. Must not throw.
 * @param topic that no rule names, by whose words the type was chosen
 */
type OnDetection = (channel: string, type: EventKind, isOn: boolean | undefined, topic?: string) => void;

/** A topic that no rule names; without a type it is no event. */
export interface UnknownTopic {
  readonly topic: string;
  readonly type: EventKind | undefined;
}

interface State {
  readonly channel: string;
  readonly type: EventKind;
  readonly topic: string | undefined;
  newsMs: number;
}

/**
 * Turns one camera's notifications into events. Several topics may report the same thing (MotionAlarm and CellMotionDetector): it starts
 * with the first and ends with the last of them.
 */
export class Detections {
  readonly #clock: Clock;
  readonly #notify: OnDetection;
  readonly #onUnknown: (unknown: UnknownTopic) => void;
  readonly #unknown = new Map<string, UnknownTopic>();
  readonly #on = new Map<string, State>();
  /** States reported inactive: if a new subscription finds one active, it has started in between. */
  readonly #off = new Set<string>();
  readonly #stopSweeping: () => void;
  #begins: number[] = [];
  readonly #notified = new Map<string, number>();
  /** Starts beyond the limits. */
  dropped = 0;

  /** @param onUnknown called once for each topic that no rule names */
  constructor(clock: Clock, notify: OnDetection, onUnknown: (unknown: UnknownTopic) => void = () => {}) {
    this.#clock = clock;
    this.#notify = notify;
    this.#onUnknown = onUnknown;
    this.#stopSweeping = clock.every(SWEEP_MS, () => this.#sweep());
  }

  get unknown(): readonly UnknownTopic[] {
    return [...this.#unknown.values()];
  }

  /** @param channel empty: no path uses the source of the notification */
  take(notification: Notification, channel: string): void {
    if (channel === '') {
      return;
    }
    const { topic, source, operation } = notification;
    const origin = [...topic, ...source.map(({ name, value }) => `${name}=${value}`)].join('/');
    const { detections, unknown } = detectionsOf(notification);
    const name = unknown ? topic.join('/').slice(0, 200) : undefined;
    if (name !== undefined) {
      this.#keepUnknown(name, detections[0]?.type);
    }
    for (const { type, isOn } of detections) {
      const key = `${type} ${channel} ${origin}`;
      const known = this.#on.get(key);
      const wasOff = this.#off.delete(key);
      if (isOn === false) {
        this.#end(key);
        if (this.#off.size < MAX_STATES) {
          this.#off.add(key);
        }
      } else if (operation === 'initialized' && !wasOff) {
        // An initial state is not an event, but keeps a known state alive in a new subscription.
        if (known) {
          known.newsMs = this.#clock.monoMs();
        }
      } else if (isOn === undefined) {
        this.#moment(channel, type, name);
      } else if (known) {
        this.#goOn(known);
      } else {
        this.#begin(key, { channel, type, topic: name, newsMs: this.#clock.monoMs() });
      }
    }
  }

  close(): void {
    this.#stopSweeping();
    this.endAll();
  }

  endAll(): void {
    for (const key of [...this.#on.keys()]) {
      this.#end(key);
    }
  }

  #keepUnknown(topic: string, type: EventKind | undefined): void {
    if (!this.#unknown.has(topic) && this.#unknown.size < 32) {
      const unknown = { topic, type };
      this.#unknown.set(topic, unknown);
      this.#onUnknown(unknown);
    }
  }

  #begin(key: string, state: State): void {
    if (this.#on.size >= MAX_STATES) {
      this.dropped += 1;
      return;
    }
    const isFirst = !this.#isOn(state);
    this.#on.set(key, state);
    if (isFirst && this.#mayBegin()) {
      this.#notified.set(stateKey(state), this.#clock.monoMs());
      this.#notify(state.channel, state.type, true, state.topic);
    }
  }

  #goOn(state: State): void {
    const { channel, type, topic } = state;
    const nowMs = this.#clock.monoMs();
    const reportedMs = this.#notified.get(stateKey(state));
    state.newsMs = nowMs;
    if (!EVENT_KINDS[type].isLasting && reportedMs !== undefined && nowMs - reportedMs >= MAX_MS) {
      this.#notified.set(stateKey(state), nowMs);
      this.#notify(channel, type, false);
      this.#notify(channel, type, true, topic);
    }
  }

  #end(key: string): void {
    const state = this.#on.get(key);
    this.#on.delete(key);
    if (state && !this.#isOn(state) && this.#notified.delete(stateKey(state))) {
      this.#notify(state.channel, state.type, false);
    }
  }

  #moment(channel: string, type: EventKind, topic: string | undefined): void {
    if (!this.#isOn({ channel, type }) && this.#mayBegin()) {
      this.#notify(channel, type, undefined, topic);
    }
  }

  #isOn({ channel, type }: Pick<State, 'channel' | 'type'>): boolean {
    for (const state of this.#on.values()) {
      if (state.channel === channel && state.type === type) {
        return true;
      }
    }
    return false;
  }

  #mayBegin(): boolean {
    const nowMs = this.#clock.monoMs();
    this.#begins = this.#begins.filter((beganMs) => nowMs - beganMs < MINUTE_MS);
    // A camera with more starts per minute is faulty, and each one costs a line on the disk.
    if (this.#begins.length >= 30) {
      this.dropped += 1;
      return false;
    }
    this.#begins.push(nowMs);
    return true;
  }

  #sweep(): void {
    const nowMs = this.#clock.monoMs();
    for (const [key, { type, newsMs }] of [...this.#on]) {
      if (!EVENT_KINDS[type].isLasting && nowMs - newsMs >= SILENCE_MS) {
        this.#end(key);
      }
    }
  }
}

const stateKey = ({ channel, type }: Pick<State, 'channel' | 'type'>): string => `${type} ${channel}`;
