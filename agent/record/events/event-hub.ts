import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { eventKindOf } from '../../base/event-kinds.ts';
import type { Logger } from '../../base/log.ts';
import { pathNameFault } from '../../config/values/path-name.ts';
import type { CameraEvent, EventArea, EventFeed, EventLabel, EventListener, EventSource } from './event.ts';
import type { EventJournal } from './event-journal.ts';
import { checkedLabels } from './event-labels.ts';
import { EVENT_ID, EVENT_TYPE, MAX_TEXT } from './event-line.ts';
import { inZones, joinedZones, zonesOfLabels } from './event-zones.ts';

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
/** An event that has ended may still be labelled for this long. */
const LABELLED_MS = 300_000;

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
  readonly labels?: readonly EventLabel[] | undefined;
  readonly zones?: readonly string[] | undefined;
  readonly id?: string | undefined;
  /** Start or end of a lasting event; otherwise the event is momentary or has an `endUs`. */
  readonly state?: 'start' | 'end' | undefined;
}

interface RunningEvent {
  readonly event: CameraEvent;
  readonly sinceMonoMs: number;
}

/** Names of the zones at a point of a path's picture, in shares of it. */
type ZonesAt = (path: string, x: number, y: number) => readonly string[] | undefined;

export class EventHub implements EventFeed {
  readonly #journal: EventJournal;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Set<EventListener>();
  /** By path and id, because cameras that number their events use the same ids. */
  readonly #running = new Map<string, RunningEvent>();
  /** Keys of running events by path: a server shows thousands of cameras. */
  readonly #ofPath = new Map<string, Set<string>>();
  /** Motion that has ended and may still be labelled, the latest last, by path and id. */
  readonly #ended = new Map<string, RunningEvent>();
  readonly #stopSweeping: () => void;
  #zonesAt: ZonesAt = () => undefined;

  constructor(journal: EventJournal, clock: Clock, logger: Logger) {
    this.#journal = journal;
    this.#clock = clock;
    this.#logger = logger;
    this.#stopSweeping = clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** @param zonesAt says where labels are: these zones are those of their event, too. Undefined: the path has no zones that are known here */
  locate(zonesAt: ZonesAt): void {
    this.#zonesAt = zonesAt;
  }

  listen(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  running(path: string): readonly CameraEvent[] {
    return [...(this.#ofPath.get(path) ?? [])].flatMap((key) => this.#running.get(key)?.event ?? []);
  }

  /**
   * Notifies all listeners, then writes the event.
   * @throws PerchError badInput if invalid, notFound for the end of an unknown event, exhausted
   */
  async add(reported: NewEvent): Promise<CameraEvent> {
    const event = reported.state === 'end' ? this.#endOf(reported) : this.#begun(reported);
    // Before listeners: a rejected event must not be recorded.
    this.#journal.checkCapacity();
    this.#publish(event, this.#running.get(eventKey(event.path, event.id))?.event);
    await this.#journal.append(event);
    return event;
  }

  /**
   * Reports an event again with these labels, in place of former ones, if it is ongoing or is motion that ended within the last
   * minutes. The same event of other paths, such as the sub stream of the camera, gets them, too.
   * @throws PerchError notFound for another event, badInput, exhausted
   */
  async label(path: string, id: string, labels: readonly EventLabel[]): Promise<void> {
    this.#forgetEnded();
    const known = this.#knownBy(eventKey(path, id));
    if (!known) {
      throw new PerchError('notFound', `no event '${id}' in path '${path}' is ongoing or has just ended`, { path });
    }
    const latestUs = Math.round(this.#clock.wallMs() * 1000) + FUTURE_MS * 1000;
    const checked = checkedLabels(labels, known.startUs, latestUs);
    this.#journal.checkCapacity();
    const same = [...this.#running.values(), ...this.#ended.values()].map(({ event }) => event);
    const labelled = same.filter((event) => event === known || isSameIn(event, known));
    await Promise.all(
      labelled.map((event) => {
        const located = this.#located(event.path, checked);
        const news = { ...event, labels: located, zones: this.#zones(event, checked) };
        this.#publish(news, event);
        // The line of its end says that nothing was found.
        const isKnownLater = event.endUs === undefined && !event.labels?.length && checked.length === 0;
        return isKnownLater ? undefined : this.#journal.append(news);
      }),
    );
  }

  /** Reports an ongoing event again, which has come into these zones. @throws PerchError notFound, exhausted */
  async enter(path: string, id: string, zones: readonly string[]): Promise<void> {
    const known = this.#running.get(eventKey(path, id))?.event;
    if (!known) {
      throw new PerchError('notFound', `no event '${id}' in path '${path}' is ongoing`, { path });
    }
    const joined = joinedZones(known.zones, zones);
    if (joined?.length === known.zones?.length) {
      return;
    }
    this.#journal.checkCapacity();
    const news = { ...known, zones: joined };
    this.#publish(news, known);
    await this.#journal.append(news);
  }

  /** The events of a path that started in the range were deleted: those that are over get no more labels. */
  forgetWithin(path: string, fromUs: number, untilUs: number): void {
    for (const [key, { event }] of this.#ended) {
      if (event.path === path && event.startUs >= fromUs && event.startUs <= untilUs) {
        this.#ended.delete(key);
      }
    }
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
    this.#publish(ended, event);
    return this.#journal.append(ended);
  }

  #begun(reported: NewEvent): CameraEvent {
    const nowUs = Math.round(this.#clock.wallMs() * 1000);
    const { path, type, source, text = '', area, id = randomUUID(), startUs = nowUs, state } = reported;
    const checked = reported.labels && checkedLabels(reported.labels, startUs, nowUs + FUTURE_MS * 1000);
    const labels = checked && this.#located(path, checked);
    const zones = this.#zones(reported, checked);
    const known = this.#running.get(eventKey(path, id))?.event;
    // A repeated start keeps the original start time.
    check(known ? { ...reported, startUs: known.startUs } : reported, nowUs);
    if (known && known.type !== type) {
      throw new PerchError('badInput', `event '${id}' is ongoing with another type: '${known.type}'`, { path });
    }
    if (known) {
      const more = { area: area ?? known.area, labels: labels ?? known.labels, endUs: reported.endUs };
      return { ...known, source, text: text || known.text, ...more, zones: joinedZones(known.zones, zones) };
    }
    if (state === 'start') {
      this.#checkCapacity(path);
      return { id, path, type, source, text, area, labels, zones, startUs, endUs: undefined };
    }
    const endUs = reported.endUs ?? startUs + PULSE_MS * 1000;
    return { id, path, type, source, text, area, labels, zones, startUs, endUs };
  }

  #endOf(reported: NewEvent): CameraEvent {
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
    const checked = reported.labels && checkedLabels(reported.labels, event.startUs, nowUs + FUTURE_MS * 1000);
    const labels = checked && this.#located(path, checked);
    const more = { area: reported.area ?? event.area, labels: labels ?? event.labels, endUs };
    const zones = joinedZones(event.zones, this.#zones(reported, checked));
    return { ...event, text: reported.text || event.text, ...more, zones };
  }

  /** Those that it has, and all those of labels, which keep some. */
  #zones({ path, zones }: Pick<NewEvent, 'path' | 'zones'>, checked: readonly EventLabel[] | undefined) {
    return joinedZones(
      zones,
      zonesOfLabels(checked, (x, y) => this.#zonesAt(path, x, y) ?? []),
    );
  }

  #located(path: string, labels: readonly EventLabel[]): readonly EventLabel[] {
    return inZones(labels, (x, y) => this.#zonesAt(path, x, y));
  }

  #checkCapacity(path: string): void {
    const ofPath = this.running(path).length;
    // Each of 20,000 cameras may see something at once.
    if (ofPath >= 64 || this.#running.size >= 20_000) {
      const message = `${ofPath} events are ongoing in path '${path}', ${this.#running.size} in all: end some of them first`;
      throw new PerchError('exhausted', message, { path, retryAfterS: SWEEP_MS / 1000 });
    }
  }

  #knownBy(key: string): CameraEvent | undefined {
    return (this.#running.get(key) ?? this.#ended.get(key))?.event;
  }

  #publish(event: CameraEvent, known: CameraEvent | undefined): void {
    const key = eventKey(event.path, event.id);
    if (event.endUs === undefined) {
      const sinceMonoMs = this.#running.get(key)?.sinceMonoMs ?? this.#clock.monoMs();
      this.#running.set(key, { event, sinceMonoMs });
      this.#ofPath.set(event.path, (this.#ofPath.get(event.path) ?? new Set()).add(key));
      this.#ended.delete(key);
    } else {
      this.#running.delete(key);
      const left = this.#ofPath.get(event.path);
      left?.delete(key);
      if (left?.size === 0) {
        this.#ofPath.delete(event.path);
      }
      this.#keepEnded(key, event, known?.endUs === undefined ? undefined : this.#ended.get(key)?.sinceMonoMs);
    }
    for (const listener of this.#listeners) {
      try {
        listener(event, known);
      } catch (error) {
        this.#logger.error({ err: error, event: event.id }, 'event rejected');
      }
    }
  }

  #keepEnded(key: string, event: CameraEvent, sinceMonoMs = this.#clock.monoMs()): void {
    if (event.path === '' || eventKindOf(event.type) !== 'motion') {
      return;
    }
    this.#ended.set(key, { event, sinceMonoMs });
    const ofPath = [...this.#ended].filter(([, one]) => one.event.path === event.path);
    // At most 20 of each path, and 500 of all.
    const [oldest] = ofPath.length > 20 ? ofPath : this.#ended.size > 500 ? this.#ended : [];
    if (oldest) {
      this.#ended.delete(oldest[0]);
    }
  }

  #forgetEnded(): void {
    const nowMs = this.#clock.monoMs();
    for (const [key, { sinceMonoMs }] of this.#ended) {
      if (nowMs - sinceMonoMs >= LABELLED_MS) {
        this.#ended.delete(key);
      }
    }
  }

  #sweep(): void {
    this.#forgetEnded();
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

/** Whether it is the event of another path. Programs may use an id for several cameras at once. */
const isSameIn = (other: CameraEvent, { id, type, startUs, source }: CameraEvent): boolean =>
  other.id === id && other.type === type && other.startUs === startUs && other.source === source && source !== 'api';

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
