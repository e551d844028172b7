/** A camera as a screen reader hears of it. */
export interface AnnouncedCamera {
  readonly name: string;
  readonly title: string;
  /** Whether the camera is not offline. */
  readonly isThere: boolean;
  /** Label of the current event. */
  readonly event: string | undefined;
}

type Change = 'gone' | 'back';

type Announcement =
  | { readonly what: Change; readonly titles: readonly string[] }
  | { readonly what: 'event'; readonly titles: readonly string[]; readonly event: string };

/** Minimum pause between events. */
const EVENT_PAUSE_MS = 5_000;
/** Changes within this time are one message: cameras behind one switch are lost together. */
const GATHER_MS = 4_000;

/** Chooses what a screen reader announces: trouble first, in one message, then events one by one. */
export class CameraAnnouncer {
  readonly #there = new Map<string, boolean>();
  /** Since when a change has been gathered. The box's reasons differ by the moment of its last try, so they do not count. */
  readonly #gathered = new Map<Change, number>();
  /** Announced events that continue. */
  readonly #events = new Map<string, string>();
  #eventSaidMs = Number.NEGATIVE_INFINITY;

  /** @returns the most important change since the last update. Later calls return the others if they persist. */
  update(all: readonly AnnouncedCamera[], nowMs: number): Announcement | undefined {
    for (const { name, event, isThere } of all) {
      if (this.#events.get(name) !== event) {
        this.#events.delete(name);
      }
      // The first state of a camera is not announced.
      if (!this.#there.has(name)) {
        this.#there.set(name, isThere);
      }
    }
    return this.#changed(all, 'gone', nowMs) ?? this.#changed(all, 'back', nowMs) ?? this.#event(all, nowMs);
  }

  #changed(all: readonly AnnouncedCamera[], what: Change, nowMs: number): Announcement | undefined {
    const changed = all.filter(
      ({ name, isThere }) => this.#there.get(name) !== isThere && isThere === (what === 'back'),
    );
    if (changed.length === 0) {
      this.#gathered.delete(what);
      return undefined;
    }
    const sinceMs = this.#gathered.get(what) ?? nowMs;
    this.#gathered.set(what, sinceMs);
    if (nowMs - sinceMs < GATHER_MS) {
      return undefined;
    }
    this.#gathered.delete(what);
    for (const { name, isThere } of changed) {
      this.#there.set(name, isThere);
    }
    return { what, titles: changed.map(({ title }) => title) };
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
    return { what: 'event', titles: [fresh.title], event: fresh.event };
  }
}
