import { EVENT_KINDS, eventKindOf } from '../../../base/event-kinds.ts';

/** An event of a camera or, with an empty path, of the box. Times are Unix microseconds. */
export interface MqttEvent {
  /** An event is reported again with the same id when it ends. */
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly startUs: number;
  /** Undefined: the event is ongoing. */
  readonly endUs: number | undefined;
  readonly text: string;
  readonly source: string;
}

/** A momentary event switches its state on for its length, at most for this time. */
const MAX_PULSE_MS = 60_000;

interface Ongoing {
  readonly path: string;
  readonly type: string;
  /** End of a momentary event, in monotonic milliseconds, or undefined if it lasts until its end is reported. */
  readonly untilMs: number | undefined;
}

/** The time by both clocks: events have times of the wall clock, which may be set while they last. */
interface Now {
  readonly wallMs: number;
  readonly monoMs: number;
}

/** Which states of cameras are on at present. */
export class CameraStates {
  /** Events that are on, by event id and path. */
  readonly #ongoing = new Map<string, Ongoing>();

  /** Whether the event was reported before, and is not over. */
  knows({ id, path }: MqttEvent): boolean {
    return this.#ongoing.has(`${id} ${path}`);
  }

  take({ id, path, type, endUs }: MqttEvent, { wallMs, monoMs }: Now): void {
    const key = `${id} ${path}`;
    const leftMs = endUs === undefined ? undefined : Math.min(endUs / 1000 - wallMs, MAX_PULSE_MS);
    // The end of an ongoing event is in the past, or now.
    if (leftMs !== undefined && (leftMs <= 0 || this.#ongoing.has(key))) {
      this.#ongoing.delete(key);
    } else if (this.#ongoing.size < 1_000 || this.#ongoing.has(key)) {
      this.#ongoing.set(key, { path, type, untilMs: leftMs === undefined ? undefined : monoMs + leftMs });
    }
  }

  /** Ends momentary events. @param nowMs monotonic @returns whether any has ended */
  expire(nowMs: number): boolean {
    const before = this.#ongoing.size;
    for (const [key, { untilMs }] of this.#ongoing) {
      if (untilMs !== undefined && untilMs <= nowMs) {
        this.#ongoing.delete(key);
      }
    }
    return this.#ongoing.size < before;
  }

  /** Names of the sensors that are on. */
  of(path: string): ReadonlySet<string> {
    const kinds = [...this.#ongoing.values()].map((one) => (one.path === path ? eventKindOf(one.type) : undefined));
    return new Set(kinds.flatMap((kind) => (kind ? Object.keys(EVENT_KINDS[kind].sensors ?? {}) : [])));
  }
}
