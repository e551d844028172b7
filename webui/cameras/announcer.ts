/** A camera as somebody who does not see the grid is told of it. */
export interface AnnouncedCamera {
  readonly name: string;
  readonly title: string;
  /** There is a picture, or nobody wants one. */
  readonly isThere: boolean;
  /** What it sees now, in words. */
  readonly event: string | undefined;
}

interface Announcement {
  readonly what: 'gone' | 'back' | 'event';
  readonly title: string;
  readonly event?: string;
}

/** Of events no more is said: who listens wants to hear something else, too. */
const EVENT_PAUSE_MS = 5_000;

/** What is new since the last look: trouble at once, events one after the other. */
export class CameraAnnouncer {
  readonly #there = new Map<string, boolean>();
  /** What was said of each camera's event, until that is over. */
  readonly #events = new Map<string, string>();
  #eventSaidMs = Number.NEGATIVE_INFINITY;

  /** The gravest news; what is not said now is said at the next look, as long as it holds. */
  look(all: readonly AnnouncedCamera[], nowMs: number): Announcement | undefined {
    for (const { name, event } of all) {
      if (this.#events.get(name) !== event) {
        this.#events.delete(name);
      }
    }
    return this.#changed(all, 'gone') ?? this.#changed(all, 'back') ?? this.#event(all, nowMs);
  }

  /** What is seen for the first time is no news. */
  #changed(all: readonly AnnouncedCamera[], what: 'gone' | 'back'): Announcement | undefined {
    for (const { name, title, isThere } of all) {
      const was = this.#there.get(name);
      if (was === undefined) {
        this.#there.set(name, isThere);
      } else if (was !== isThere && isThere === (what === 'back')) {
        this.#there.set(name, isThere);
        return { what, title };
      }
    }
    return undefined;
  }

  #event(all: readonly AnnouncedCamera[], nowMs: number): Announcement | undefined {
    if (nowMs - this.#eventSaidMs < EVENT_PAUSE_MS) {
      return undefined;
    }
    const fresh = all.find(({ name, event }) => event !== undefined && !this.#events.has(name));
    if (fresh?.event === undefined) {
      return undefined;
    }
    this.#events.set(fresh.name, fresh.event);
    this.#eventSaidMs = nowMs;
    return { what: 'event', title: fresh.title, event: fresh.event };
  }
}
