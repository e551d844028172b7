import type { Clock } from './clock.ts';

/** What happens to the box, by what it concerns. */
export const DEVICE_EVENT_TYPES = ['camera', 'path', 'event', 'disk', 'config', 'login', 'box'] as const;
export type DeviceEventType = (typeof DEVICE_EVENT_TYPES)[number];

export interface DeviceEvent {
  /** Counts from 1 since the program began. */
  readonly number: number;
  readonly type: DeviceEventType;
  /** JSON on one line: `time` (RFC 3339) and what the type has. */
  readonly data: string;
}

/** Plain values and lists of texts; undefined ones are left out. No secrets: whoever may use the API reads them. */
export type EventFields = Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>;

/** Who tells. */
export type PublishEvent = (type: DeviceEventType, fields: EventFields) => void;

/** So many are remembered for whoever was away for a moment. */
const HISTORY_LIMIT = 500;
/** Together, as UTF-8. With what goes around each it is less than a listener may be behind: whoever comes again can be told all of it. */
const HISTORY_BYTES = 192 << 10;
/** Longer texts are cut, longer lists too. */
const MAX_TEXT = 500;
const MAX_LIST = 50;

/** Where everything that happens to the box is told, and told on. Nobody waits: listeners are called at once and may not throw. */
export class EventBus {
  /** Numbers of another run of the program mean other events. */
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
    while (this.#history.length > HISTORY_LIMIT || this.#historyBytes > HISTORY_BYTES) {
      this.#historyBytes -= Buffer.byteLength(this.#history.shift()?.data ?? '');
    }
    for (const listener of this.#listeners) {
      listener(event);
    }
  };

  /** @returns what ends it */
  listen(listener: (event: DeviceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Those after this number, oldest first; `missed` are forgotten already. */
  after(number: number): { readonly events: readonly DeviceEvent[]; readonly missed: number } {
    const oldest = this.#history[0]?.number ?? this.#number + 1;
    return {
      events: this.#history.filter((event) => event.number > number),
      missed: Math.max(0, oldest - 1 - number),
    };
  }

  /** Of the last one; 0: nothing has happened yet. */
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
      return [key, Array.isArray(value) ? value.slice(0, MAX_LIST).map(cut) : value];
    }),
  );
}

const cut = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text);
