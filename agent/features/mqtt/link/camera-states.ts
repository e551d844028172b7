import { EVENT_KINDS, eventKindsOf } from '../../../base/event-kinds.ts';
import type { CameraEvent } from '../../../record/events/event.ts';

/** A momentary event switches its state on for its length, at most for this time. */
const MAX_PULSE_MS = 60_000;
/** A label that an event gets when it is over switches its state on for this time. */
const LABEL_MS = 5_000;

interface Ongoing {
  readonly path: string;
  /** Names of the sensors that it switches on. */
  readonly sensors: readonly string[];
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
  knows({ id, path }: CameraEvent): boolean {
    return this.#ongoing.has(`${id} ${path}`);
  }

  /** @param known the event as it was reported before, or undefined if it is new */
  take(event: CameraEvent, { wallMs, monoMs }: Now, known?: CameraEvent): void {
    const { id, path, endUs } = event;
    const key = `${id} ${path}`;
    const sensors = sensorsOf(event);
    const former = known ? sensorsOf(known) : sensors;
    const added = sensors.filter((name) => !former.includes(name));
    const now = this.#ongoing.get(key);
    const leftMs = endUs === undefined ? undefined : Math.min(endUs / 1000 - wallMs, MAX_PULSE_MS);
    if (endUs !== undefined && added.length > 0) {
      const left = now && known?.endUs !== undefined ? now : { sensors: [], untilMs: 0 };
      const untilMs = Math.max(left.untilMs ?? 0, monoMs + LABEL_MS);
      this.#set(key, { path, sensors: [...left.sensors, ...added], untilMs });
    } else if (known?.endUs !== undefined && endUs !== undefined) {
      // It was over before, and nothing was found since.
    } else if (leftMs !== undefined && (leftMs <= 0 || now)) {
      // The end of an ongoing event is in the past, or now.
      this.#ongoing.delete(key);
    } else {
      this.#set(key, { path, sensors, untilMs: leftMs === undefined ? undefined : monoMs + leftMs });
    }
  }

  #set(key: string, ongoing: Ongoing): void {
    if (this.#ongoing.size < 1_000 || this.#ongoing.has(key)) {
      this.#ongoing.set(key, ongoing);
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
    return new Set([...this.#ongoing.values()].flatMap((one) => (one.path === path ? one.sensors : [])));
  }
}

const sensorsOf = (event: CameraEvent): readonly string[] => [
  ...new Set(eventKindsOf(event).flatMap((kind) => Object.keys(EVENT_KINDS[kind].sensors ?? {}))),
];
