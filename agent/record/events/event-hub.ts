import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { pathNameFault } from '../../config/values/path-name.ts';
import type { CameraEvent, EventArea, EventFeed, EventListener, EventSource } from './event.ts';
import type { EventJournal } from './event-journal.ts';
import { EVENT_ID, EVENT_TYPE, MAX_TEXT } from './event-line.ts';

/** Duration of an event reported without an end. */
const PULSE_MS = 5_000;
/** An event without a reported end is closed after this. */
const MAX_OPEN_MS = 3_600_000;
/** Maximum duration of an event reported with its end. */
const MAX_MS = 86_400_000;
/** How far in the future an event may be: the clocks of reporters may be ahead. */
const FUTURE_MS = 60_000;
const SWEEP_MS = 10_000;
const MAX_PATH = 240;

/** A reported event. Times are Unix microseconds. */
export interface NewEvent {
  /** Empty: the box. The caller checks that the path exists. */
  readonly path: string;
  readonly type: string;
  readonly source: EventSource;
  /** Default: now. */
  readonly startUs?: number | undefined;
  /** Not together with `state: 'start'`. */
  readonly endUs?: number | undefined;
  readonly text?: string | undefined;
  readonly area?: EventArea | undefined;
  readonly id?: string | undefined;
  /** Start or end of a lasting event; otherwise the event is momentary or has an `endUs`. */
  readonly state?: 'start' | 'end' | undefined;
}

interface RunningEvent {
  readonly event: CameraEvent;
  readonly sinceMonoMs: number;
}

export class EventHub implements EventFeed {
  readonly #journal: EventJournal;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Set<EventListener>();
  /** By path and id, because cameras that number their events use the same ids. */
  readonly #running = new Map<string, RunningEvent>();
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
   * Notifies all listeners, then writes the event.
   * @throws PerchError badInput if invalid, notFound for the end of an unknown event, exhausted
   */
  async add(reported: NewEvent): Promise<CameraEvent> {
    const event = reported.state === 'end' ? this.#ended(reported) : this.#begun(reported);
    // Before listeners: a rejected event must not be recorded.
    this.#journal.checkCapacity();
    this.#publish(event);
    await this.#journal.append(event);
    return event;
  }

  async begin(): Promise<void> {
    for (const event of await this.#journal.leftOpen(this.#clock.wallMs())) {
      if (!this.#running.has(eventKey(event.path, event.id))) {
        await this.#end(event, event.startUs + PULSE_MS * 1000);
      }
    }
  }

  async close(): Promise<void> {
    this.#stopSweeping();
    const endUs = Math.round(this.#clock.wallMs() * 1000);
    for (const { event } of [...this.#running.values()]) {
      await this.#end(event, Math.max(endUs, event.startUs));
    }
    await this.#journal.close();
  }

  #end(event: CameraEvent, endUs: number): Promise<void> {
    const ended = { ...event, endUs };
    this.#publish(ended);
    return this.#journal.append(ended);
  }

  #begun(reported: NewEvent): CameraEvent {
    const nowUs = Math.round(this.#clock.wallMs() * 1000);
    const { path, type, source, text = '', area, id = randomUUID(), startUs = nowUs, state } = reported;
    const known = this.#running.get(eventKey(path, id))?.event;
    // A repeated start keeps the original start time.
    check(known ? { ...reported, startUs: known.startUs } : reported, nowUs);
    if (known && known.type !== type) {
      throw new PerchError('badInput', `event '${id}' is ongoing with another type: '${known.type}'`, { path });
    }
    if (known) {
      return { ...known, source, text: text || known.text, area: area ?? known.area, endUs: reported.endUs };
    }
    if (state === 'start') {
      this.#checkCapacity(path);
      return { id, path, type, source, text, area, startUs, endUs: undefined };
    }
    return { id, path, type, source, text, area, startUs, endUs: reported.endUs ?? startUs + PULSE_MS * 1000 };
  }

  #ended(reported: NewEvent): CameraEvent {
    const nowUs = Math.round(this.#clock.wallMs() * 1000);
    check({ ...reported, startUs: undefined, endUs: undefined }, nowUs);
    const { path, type, id, source } = reported;
    // A camera's report does not end an event that was detected in its stream.
    const isOf = (event: CameraEvent) => event.type === type && (source !== 'camera' || event.source !== 'stream');
    const candidates = this.running(path).filter((event) => (id === undefined ? isOf(event) : event.id === id));
    const event = candidates.at(-1);
    if (!event) {
      const which = id === undefined ? `of type '${type}'` : `'${id}'`;
      throw new PerchError('notFound', `no ongoing event ${which} in path '${path}'`, { path });
    }
    const endUs = Math.min(Math.max(reported.endUs ?? nowUs, event.startUs), event.startUs + MAX_MS * 1000);
    return { ...event, text: reported.text || event.text, area: reported.area ?? event.area, endUs };
  }

  #checkCapacity(path: string): void {
    const ofPath = this.running(path).length;
    if (ofPath >= 64 || this.#running.size >= 1_000) {
      const message = `${ofPath} events are ongoing in path '${path}', ${this.#running.size} in all: end some of them first`;
      throw new PerchError('exhausted', message, { path, retryAfterS: SWEEP_MS / 1000 });
    }
  }

  #publish(event: CameraEvent): void {
    const key = eventKey(event.path, event.id);
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
        this.#logger.error({ err: error, event: event.id }, 'event rejected');
      }
    }
  }

  #sweep(): void {
    const nowMs = this.#clock.monoMs();
    for (const { event, sinceMonoMs } of [...this.#running.values()]) {
      if (nowMs - sinceMonoMs >= MAX_OPEN_MS) {
        const { id, path, type, startUs } = event;
        this.#logger.info({ path, type, event: id }, 'the end of an event was not reported');
        void this.#end(event, startUs + MAX_OPEN_MS * 1000);
      }
    }
  }
}

/** Ids contain no space. */
const eventKey = (path: string, id: string): string => `${id} ${path}`;

function check({ path, type, id, text = '', startUs, endUs, state }: NewEvent, nowUs: number): void {
  const refuse = (message: string) => new PerchError('badInput', message, { path });
  // The path becomes a folder name.
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
    throw refuse(`text of ${text.length} characters, the limit is ${MAX_TEXT}`);
  }
  if (startUs !== undefined && (startUs < 0 || startUs > nowUs + FUTURE_MS * 1000)) {
    throw refuse(`start is more than ${FUTURE_MS / 1000} s ahead of this machine's clock, or before 1970`);
  }
  if (endUs === undefined) {
    return;
  }
  if (state === 'start') {
    throw refuse("an event with state 'start' has no end yet: report the end with state 'end'");
  }
  const lengthMs = (endUs - (startUs ?? nowUs)) / 1000;
  if (lengthMs < 0 || lengthMs > MAX_MS) {
    throw refuse(`an event of ${Math.round(lengthMs / 1000)} s: it ends before it starts, or lasts longer than 24 h`);
  }
}
