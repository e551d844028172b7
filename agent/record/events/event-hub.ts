import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { pathNameFault } from '../../config/values/path-name.ts';
import type { CameraEvent, EventFeed, EventListener, EventSource } from './event.ts';
import type { EventJournal } from './event-journal.ts';
import { EVENT_ID, EVENT_TYPE, MAX_TEXT } from './event-line.ts';

/** How long something lasts of which only its begin is told. */
export const PULSE_MS = 5_000;
/** An event whose end nobody tells is over after this. */
export const MAX_OPEN_MS = 3_600_000;
/** An event that is told with its end is no longer than this. */
const MAX_MS = 86_400_000;
/** Clocks of those who tell may be ahead of ours. */
const FUTURE_MS = 60_000;
const SWEEP_MS = 10_000;
const MAX_RUNNING_OF_PATH = 64;
const MAX_RUNNING = 1_000;
/** As many characters as a path may have. */
const MAX_PATH = 240;

/** What somebody tells. Times are Unix microseconds. */
export interface NewEvent {
  /** Empty: of the machine. Whether there is such a path is the caller's to know. */
  readonly path: string;
  readonly type: string;
  readonly source: EventSource;
  /** Now, when not given. */
  readonly startUs?: number | undefined;
  /** When known already; not together with `state: 'start'`. */
  readonly endUs?: number | undefined;
  readonly text?: string | undefined;
  /** Made up when not given. */
  readonly id?: string | undefined;
  /** Begin and end of something that lasts; without it the event is a moment, or has its `endUs`. */
  readonly state?: 'start' | 'end' | undefined;
}

interface Running {
  readonly event: CameraEvent;
  readonly sinceMonoMs: number;
}

/** Where everything that happens is told, and told on: to recorders, the index, the journal. */
export class EventHub implements EventFeed {
  readonly #journal: EventJournal;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Set<EventListener>();
  /** By path and id: two cameras that count their events have the same ids. */
  readonly #running = new Map<string, Running>();
  readonly #stopSweeping: () => void;

  constructor(journal: EventJournal, clock: Clock, logger: Logger) {
    this.#journal = journal;
    this.#clock = clock;
    this.#logger = logger;
    this.#stopSweeping = clock.every(SWEEP_MS, () => this.#sweep());
  }

  listen(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  running(path: string): readonly CameraEvent[] {
    return [...this.#running.values()].map(({ event }) => event).filter((event) => event.path === path);
  }

  /**
   * Tells all listeners at once, then writes it down.
   * @throws PerchError badInput when it makes no sense, notFound for the end of something that does not go on, exhausted
   */
  async add(told: NewEvent): Promise<CameraEvent> {
    const event = told.state === 'end' ? this.#ended(told) : this.#begun(told);
    // Before anybody is told: who is refused must not find it recorded all the same.
    this.#journal.checkRoom();
    this.#publish(event);
    await this.#journal.append(event);
    return event;
  }

  /** What was going on when the program ended is over. */
  async begin(): Promise<void> {
    for (const event of await this.#journal.leftOpen(this.#clock.wallMs())) {
      if (!this.#running.has(keyOf(event.path, event.id))) {
        const ended = { ...event, endUs: event.startUs + PULSE_MS * 1000 };
        this.#publish(ended);
        await this.#journal.append(ended);
      }
    }
  }

  async close(): Promise<void> {
    this.#stopSweeping();
    const endUs = this.#clock.wallMs() * 1000;
    for (const { event } of [...this.#running.values()]) {
      const ended = { ...event, endUs: Math.max(Math.round(endUs), event.startUs) };
      this.#publish(ended);
      await this.#journal.append(ended);
    }
    await this.#journal.close();
  }

  #begun(told: NewEvent): CameraEvent {
    const nowUs = Math.round(this.#clock.wallMs() * 1000);
    const { path, type, source, text = '', id = randomUUID(), startUs = nowUs, state } = told;
    const known = this.#running.get(keyOf(path, id))?.event;
    // Told again while it goes on: its begin stays.
    check(known ? { ...told, startUs: known.startUs } : told, nowUs);
    if (known && known.type !== type) {
      throw new PerchError('badInput', `event '${id}' goes on and is another one: of type '${known.type}'`, { path });
    }
    if (known) {
      return { ...known, source, text: text || known.text, endUs: told.endUs };
    }
    if (state === 'start') {
      this.#checkRoom(path);
      return { id, path, type, source, text, startUs, endUs: undefined };
    }
    return { id, path, type, source, text, startUs, endUs: told.endUs ?? startUs + PULSE_MS * 1000 };
  }

  #ended(told: NewEvent): CameraEvent {
    const nowUs = Math.round(this.#clock.wallMs() * 1000);
    check({ ...told, startUs: undefined, endUs: undefined }, nowUs);
    const { path, type, id } = told;
    const candidates = this.running(path).filter((event) => (id === undefined ? event.type === type : event.id === id));
    const event = candidates.at(-1);
    if (!event) {
      const which = id === undefined ? `of type '${type}'` : `'${id}'`;
      throw new PerchError('notFound', `no event ${which} goes on in path '${path}'`, { path });
    }
    const endUs = Math.min(Math.max(told.endUs ?? nowUs, event.startUs), event.startUs + MAX_MS * 1000);
    return { ...event, text: told.text || event.text, endUs };
  }

  #checkRoom(path: string): void {
    const ofPath = this.running(path).length;
    if (ofPath >= MAX_RUNNING_OF_PATH || this.#running.size >= MAX_RUNNING) {
      const message = `${ofPath} events go on in path '${path}', ${this.#running.size} in all: end some of them first`;
      throw new PerchError('exhausted', message, { path, retryAfterS: SWEEP_MS / 1000 });
    }
  }

  #publish(event: CameraEvent): void {
    const key = keyOf(event.path, event.id);
    if (event.endUs === undefined) {
      const sinceMonoMs = this.#running.get(key)?.sinceMonoMs ?? this.#clock.monoMs();
      this.#running.set(key, { event, sinceMonoMs });
    } else {
      this.#running.delete(key);
    }
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error({ err: error, event: event.id }, 'an event was not taken');
      }
    }
  }

  #sweep(): void {
    const nowMs = this.#clock.monoMs();
    for (const { event, sinceMonoMs } of [...this.#running.values()]) {
      if (nowMs - sinceMonoMs >= MAX_OPEN_MS) {
        this.#logger.info(
          { path: event.path, type: event.type, event: event.id },
          'nobody has told the end of an event',
        );
        const ended = { ...event, endUs: event.startUs + MAX_OPEN_MS * 1000 };
        this.#publish(ended);
        void this.#journal.append(ended);
      }
    }
  }
}

/** No id has a space in it. */
const keyOf = (path: string, id: string): string => `${id} ${path}`;

function check({ path, type, id, text = '', startUs, endUs, state }: NewEvent, nowUs: number): void {
  const refuse = (message: string) => new PerchError('badInput', message, { path });
  // It becomes the name of a folder.
  const pathFault = path === '' ? undefined : pathNameFault(path);
  if (pathFault !== undefined || path.length > MAX_PATH) {
    throw refuse(`invalid path name: ${pathFault ?? `longer than ${MAX_PATH} characters`} (${path.slice(0, 64)})`);
  }
  if (!EVENT_TYPE.test(type)) {
    throw refuse(`invalid type '${type.slice(0, 64)}': a word of up to 32 letters, digits, '.', '_' and '-'`);
  }
  if (id !== undefined && !EVENT_ID.test(id)) {
    throw refuse(`invalid id '${id.slice(0, 64)}': up to 64 letters, digits, '.', ':', '_' and '-'`);
  }
  if (text.length > MAX_TEXT) {
    throw refuse(`text of ${text.length} characters, at most ${MAX_TEXT} are kept`);
  }
  if (startUs !== undefined && (startUs < 0 || startUs > nowUs + FUTURE_MS * 1000)) {
    throw refuse(`start is more than ${FUTURE_MS / 1000} s ahead of this machine's clock, or before 1970`);
  }
  if (endUs === undefined) {
    return;
  }
  if (state === 'start') {
    throw refuse("an event with state 'start' has no end yet: tell it with state 'end'");
  }
  const lengthMs = (endUs - (startUs ?? nowUs)) / 1000;
  if (lengthMs < 0 || lengthMs > MAX_MS) {
    throw refuse(`an event of ${Math.round(lengthMs / 1000)} s: it ends before it begins, or lasts longer than 24 h`);
  }
}
