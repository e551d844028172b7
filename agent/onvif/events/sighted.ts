import type { Clock } from '../../base/clock.ts';
import type { Notification } from './notifications.ts';
import { type SightingType, sightingsOf } from './topics.ts';

/** The end of what was seen gets lost, or is never told: without news it is over. */
export const SILENCE_MS = 45_000;
/** What moves on and on is told as one event after the other: nobody waits for the end of one for longer than an hour. */
export const MAX_MS = 1_800_000;
const SWEEP_MS = 5_000;
/** Lenses, rules and contacts, each with its topic: a camera has some dozens. */
const MAX_STATES = 128;
/** Begins within a minute. A camera that tells more is out of order, and each costs the disk a line. */
const MAX_BEGINS = 30;
const MINUTE_MS = 60_000;

/** Told of what begins and ends before a camera; `undefined`: it has been a moment. Must not throw. */
export type TellSighting = (channel: string, type: SightingType, isOn: boolean | undefined) => void;

interface State {
  readonly channel: string;
  readonly type: SightingType;
  newsMs: number;
}

/**
 * Makes events of one camera's notifications. Several topics may tell of the same thing (MotionAlarm and CellMotionDetector): it begins
 * with the first and ends with the last of them.
 */
export class Sighted {
  readonly #clock: Clock;
  readonly #tell: TellSighting;
  /** What is on now, by topic and source. */
  readonly #on = new Map<string, State>();
  /** What the camera has said is not so: when it is found to be so by a new subscription, it has begun in between. */
  readonly #off = new Set<string>();
  readonly #stopSweeping: () => void;
  #begins: number[] = [];
  /** Of those that have been begun and told: when. */
  readonly #told = new Map<string, number>();
  /** Began while too many did, or were on: not told. */
  dropped = 0;

  constructor(clock: Clock, tell: TellSighting) {
    this.#clock = clock;
    this.#tell = tell;
    this.#stopSweeping = clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** @param channel empty: nobody wants to know */
  take(notification: Notification, channel: string): void {
    if (channel === '') {
      return;
    }
    const { topic, source, operation } = notification;
    const place = [...topic, ...source.map(({ name, value }) => `${name}=${value}`)].join('/');
    for (const { type, isOn } of sightingsOf(notification)) {
      const key = `${type} ${channel} ${place}`;
      const known = this.#on.get(key);
      const wasOff = this.#off.delete(key);
      if (isOn === false) {
        this.#end(key);
        if (this.#off.size < MAX_STATES) {
          this.#off.add(key);
        }
      } else if (operation === 'initialized' && !wasOff) {
        // How it stands is no event; what goes on already is not lost when a new subscription begins.
        if (known) {
          known.newsMs = this.#clock.monoMs();
        }
      } else if (isOn === undefined) {
        this.#moment(channel, type);
      } else if (known) {
        this.#goOn(known);
      } else {
        this.#begin(key, { channel, type, newsMs: this.#clock.monoMs() });
      }
    }
  }

  /** Everything is over: the camera is not listened to any more. */
  close(): void {
    this.#stopSweeping();
    this.endAll();
  }

  endAll(): void {
    for (const key of [...this.#on.keys()]) {
      this.#end(key);
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
      this.#told.set(nameOf(state), this.#clock.monoMs());
      this.#tell(state.channel, state.type, true);
    }
  }

  #goOn(state: State): void {
    const { channel, type } = state;
    const nowMs = this.#clock.monoMs();
    const toldMs = this.#told.get(nameOf(state));
    state.newsMs = nowMs;
    if (!isLasting(type) && toldMs !== undefined && nowMs - toldMs >= MAX_MS) {
      this.#told.set(nameOf(state), nowMs);
      this.#tell(channel, type, false);
      this.#tell(channel, type, true);
    }
  }

  #end(key: string): void {
    const state = this.#on.get(key);
    this.#on.delete(key);
    if (state && !this.#isOn(state) && this.#told.delete(nameOf(state))) {
      this.#tell(state.channel, state.type, false);
    }
  }

  #moment(channel: string, type: SightingType): void {
    if (!this.#isOn({ channel, type }) && this.#mayBegin()) {
      this.#tell(channel, type, undefined);
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
    if (this.#begins.length >= MAX_BEGINS) {
      this.dropped += 1;
      return false;
    }
    this.#begins.push(nowMs);
    return true;
  }

  #sweep(): void {
    const nowMs = this.#clock.monoMs();
    for (const [key, { type, newsMs }] of [...this.#on]) {
      if (!isLasting(type) && nowMs - newsMs >= SILENCE_MS) {
        this.#end(key);
      }
    }
  }
}

const nameOf = ({ channel, type }: Pick<State, 'channel' | 'type'>): string => `${type} ${channel}`;

/** Contacts and covered lenses stay as they are for hours; what moves does not, without being told of again. */
const isLasting = (type: SightingType): boolean => type === 'input' || type === 'tamper';
