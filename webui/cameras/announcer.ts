/** State of a camera for screen readers. */
export interface AnnouncedCamera {
  readonly name: string;
  readonly title: string;
  /** It plays, or is not wanted. */
  readonly isThere: boolean;
  /** Label of the current event. */
  readonly event: string | undefined;
}

interface Announcement {
  readonly what: 'gone' | 'back' | 'event';
  readonly title: string;
  readonly event?: string;
}

/** Minimum pause between events. */
const EVENT_PAUSE_MS = 5_000;

/** Announces changes: trouble at once, events one at a time. */
export class CameraAnnouncer {
  readonly #there = new Map<string, boolean>();
  /** Announced events that continue. */
  readonly #events = new Map<string, string>();
  #eventSaidMs = Number.NEGATIVE_INFINITY;

  /** The most important change. Others follow if they persist. */
  look(all: readonly AnnouncedCamera[], nowMs: number): Announcement | undefined {
    for (const { name, event } of all) {
      if (this.#events.get(name) !== event) {
        this.#events.delete(name);
      }
    }
    return this.#changed(all, 'gone') ?? this.#changed(all, 'back') ?? this.#event(all, nowMs);
  }

  /** The first state is not announced. */
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
