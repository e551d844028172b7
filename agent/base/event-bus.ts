import type { Clock } from './clock.ts';

export const DEVICE_EVENT_TYPES = ['camera', 'path', 'event', 'disk', 'config', 'login', 'box'] as const;
export type DeviceEventType = (typeof DEVICE_EVENT_TYPES)[number];

export interface DeviceEvent {
  /** Counts from 1 in each run. */
  readonly number: number;
  readonly type: DeviceEventType;
  /** JSON on one line: `time` (RFC 3339) and the fields of the type. */
  readonly data: string;
}

/** Undefined values are omitted. No secrets: API clients read them. */
type EventValue = string | number | boolean | null | undefined;
type EventRecord = { readonly [key: string]: EventValue | readonly string[] | EventRecord };
type EventFields = Readonly<Record<string, EventValue | readonly string[] | EventRecord | readonly EventRecord[]>>;

export type PublishEvent = (type: DeviceEventType, fields: EventFields) => void;

/** Events kept for clients that reconnect. */
const MAX_EVENTS = 500;
/** UTF-8 bytes of the kept events. With their framing this is below the limit of a client's queue, so a reconnect can get all of it. */
const MAX_HISTORY_BYTES = 192 << 10;
/** Limits above which texts and lists are cut. */
const MAX_TEXT = 500;

/** Distributes events of the box. Listeners are called synchronously and must not throw. */
export class EventBus {
  /** Identifies the run: numbers of another run mean other events. */
  readonly run: string;
  readonly #clock: Clock;
  readonly #history: DeviceEvent[] = [];
  readonly #listeners = new Set<(event: DeviceEvent) => void>();
  #historyBytes = 0;
  #number = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.run = Math.floor(clock.wallMs()).toString(36);
  }

  emit: PublishEvent = (type, fields) => {
    const time = new Date(this.#clock.wallMs()).toISOString();
    this.#number += 1;
    const event = { number: this.#number, type, data: JSON.stringify({ time, ...shortened(fields) }) };
    this.#history.push(event);
    this.#historyBytes += Buffer.byteLength(event.data);
    while (this.#history.length > MAX_EVENTS || this.#historyBytes > MAX_HISTORY_BYTES) {
      this.#historyBytes -= Buffer.byteLength(this.#history.shift()?.data ?? '');
    }
    for (const listener of this.#listeners) {
      listener(event);
    }
  };

  /** @returns the unsubscribe function */
  listen(listener: (event: DeviceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Events after this number, oldest first; `missed`: no longer kept. */
  after(number: number): { readonly events: readonly DeviceEvent[]; readonly missed: number } {
    const oldest = this.#history[0]?.number ?? this.#number + 1;
    return {
      events: this.#history.filter((event) => event.number > number),
      missed: Math.max(0, oldest - 1 - number),
    };
  }

  /** Number of the last event; 0: none yet. */
  get last(): number {
    return this.#number;
  }
}

function shortened(fields: EventFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => {
      if (typeof value === 'string') {
        return [key, cut(value)];
      }
      const list = Array.isArray(value) ? value.slice(0, 50) : undefined;
      return [key, list?.map((one) => (typeof one === 'string' ? cut(one) : one)) ?? value];
    }),
  );
}

const cut = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text);
