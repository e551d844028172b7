import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import Type, { type Static } from 'typebox';
import { ConcurrencyLimit } from '../../../base/concurrency-limit.ts';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import { SerialQueue } from '../../../base/serial-queue.ts';
import type { Config } from '../../../config/load/load.ts';
import type { CameraEvent, EventLabel } from '../../../record/events/event.ts';
import { joinedZones } from '../../../record/events/event-zones.ts';
import { gapsName } from '../../../record/gaps/gap-reason.ts';
import type { Recordings } from '../../../recordings/recordings.ts';
import type { Host } from '../../contract.ts';
import type { BoxEvent } from '../requests/box-answers.ts';
import type { BoxRequests } from '../requests/box-requests.ts';
import { namesByBox } from '../requests/remote-paths.ts';
import { BoxEventLink, type EventMark } from './box-event-link.ts';
import { BusEventLink } from './bus-event-link.ts';
import { type EventLink, EventPace, type TakesEvents } from './event-link.ts';

const SAVE_MS = 30_000;
/** Older events are stored without notifications. */
const NEWS_US = 120_000_000;
const FUTURE_US = 60_000_000;
/** How long events wait for the disk, see `EventJournal`. */
const DISK_S = 1;

type Stored = Static<typeof Marks>['boxes'][string];

const Marks = Type.Object({
  boxes: Type.Record(
    Type.String(),
    Type.Object({
      /** Absent: the box was never followed over a connection. */
      id: Type.Optional(Type.String({ maxLength: 64 })),
      atMs: Type.Optional(Type.Number()),
      /** How far it was followed on the bus of the fleet; absent: never. */
      bus: Type.Optional(Type.String({ maxLength: 64 })),
      /** How far its past on the bus was read for cameras that were added; absent: as far as it has to be. */
      past: Type.Optional(Type.String({ maxLength: 64 })),
      paths: Type.Array(Type.String()),
    }),
    { maxProperties: 10_000 },
  ),
});

interface BoxEventsDeps extends Pick<Host, 'dataDir' | 'clock' | 'log'> {
  readonly requests: BoxRequests;
  readonly recordings: Pick<Recordings, 'events' | 'playback' | 'addOutage'>;
  readonly boxLinks: Pick<Host['boxLinks'], 'bus'>;
}

interface Followed {
  link: EventLink;
  isByBus: boolean;
  /** Aborts when the box is no longer followed. */
  readonly stop: AbortController;
  /** Names of the paths here, by the path on the box. */
  names: ReadonlyMap<string, readonly string[]>;
  mark: EventMark | undefined;
  busMark: string | undefined;
  /** See `BusEventLinkDeps.past`. */
  past: string | undefined;
}

/** Events of the boxes whose cameras are configured here: they become events of the paths here. */
export class BoxEvents {
  readonly #deps: BoxEventsDeps;
  readonly #document: StoredDocument<typeof Marks>;
  readonly #boxes = new Map<string, Followed>();
  /** One change after the other: of the configuration, and of who is on the bus. */
  readonly #turns = new SerialQueue();
  /** Boxes whose events are stored at once. The others wait, so that the disk has room for the server's own. */
  readonly #storing = new ConcurrencyLimit(64, Number.POSITIVE_INFINITY, 'readers');
  readonly #forgetBus: () => void;
  #stored: ReadonlyMap<string, Stored> = new Map();
  #isLoaded = false;
  #isChanged = false;
  #stopSaving: () => void = () => {};

  constructor(deps: BoxEventsDeps) {
    this.#deps = deps;
    this.#document = new StoredDocument(join(deps.dataDir, 'box-events.json'), Marks, deps.log);
    this.#forgetBus = deps.boxLinks.bus.onChange(() => void this.#turns.run(() => this.#changeCarriers()));
  }

  /** Follows the boxes of a configuration, and no others. */
  apply(config: Pick<Config, 'paths'>): Promise<void> {
    return this.#turns.run(() => this.#apply(config));
  }

  async #apply(config: Pick<Config, 'paths'>): Promise<void> {
    const wanted = namesByBox(config);
    const gone = [...this.#boxes].filter(([box]) => !wanted.has(box));
    for (const [box] of gone) {
      this.#boxes.delete(box);
      this.#isChanged = true;
    }
    await Promise.all(gone.map(([, followed]) => ended(followed)));
    if (wanted.size > 0) {
      await this.#load();
    }
    for (const [box, names] of wanted) {
      const followed = this.#boxes.get(box);
      const former = followed ? [...followed.names.keys()] : (this.#stored.get(box)?.paths ?? []);
      const added = [...names.keys()].filter((path) => !former.includes(path));
      const { link } = followed ?? this.#follow(box, names);
      (this.#boxes.get(box) as Followed).names = names;
      if (added.length > 0) {
        this.#isChanged = true;
        link.addPaths(added);
      }
      if (!followed) {
        link.begin();
      }
    }
  }

  async close(): Promise<void> {
    this.#stopSaving();
    this.#forgetBus();
    await this.#turns.run(() => Promise.all([...this.#boxes.values()].map(ended)));
    await this.#save();
  }

  #follow(box: string, names: Followed['names']): Followed {
    const { id, atMs, bus, past } = this.#stored.get(box) ?? {};
    const mark = id === undefined || atMs === undefined ? undefined : { id, atMs };
    const more = { names, mark, busMark: bus, past, stop: new AbortController() };
    const isByBus = this.#isOnBus(box);
    const followed: Followed = { ...more, isByBus, link: this.#linkOf(box, more, isByBus) };
    this.#boxes.set(box, followed);
    return followed;
  }

  #isOnBus(box: string): boolean {
    return this.#deps.boxLinks.bus.carrier?.carries(box) === true;
  }

  #linkOf(box: string, { mark, busMark, past, stop }: Omit<Followed, 'link' | 'isByBus'>, isByBus: boolean): EventLink {
    const pace = new EventPace(this.#deps.clock);
    const takes: TakesEvents = {
      isShown: (path) => this.#boxes.get(box)?.names.has(path) === true,
      take: async (event, isPast) => {
        await pace.wait(stop.signal);
        const failure = await this.#storing.run(() => this.#take(box, event, isPast));
        if (failure && isByBus) {
          // The bus has it still.
          throw failure;
        }
      },
      takeOutage: async (outage) => {
        await pace.wait(stop.signal);
        this.#takeOutage(box, outage);
      },
    };
    const { carrier } = this.#deps.boxLinks.bus;
    if (carrier && isByBus) {
      const noteMark = (next: string) => this.#note(box, { busMark: next }, true);
      const notePast = (next: string | undefined) => this.#note(box, { past: next }, true);
      return new BusEventLink({ ...takes, box, carrier, mark: busMark, past, noteMark, notePast });
    }
    // A quiet box causes no writes.
    const noteMark = (next: EventMark) => this.#note(box, { mark: next }, this.#boxes.get(box)?.mark?.id !== next.id);
    return new BoxEventLink({ ...this.#deps, ...takes, box, mark, noteMark });
  }

  #note(box: string, news: Partial<Pick<Followed, 'mark' | 'busMark' | 'past'>>, isChanged: boolean): void {
    const followed = this.#boxes.get(box);
    if (followed) {
      this.#isChanged ||= isChanged;
      Object.assign(followed, news);
    }
  }

  /** A box that has come to the bus, or has gone from it. What both bring is known by its id. */
  async #changeCarriers(): Promise<void> {
    for (const [box, followed] of this.#boxes) {
      const isByBus = this.#isOnBus(box);
      if (isByBus !== followed.isByBus) {
        await followed.link.close();
        followed.isByBus = isByBus;
        followed.link = this.#linkOf(box, followed, isByBus);
        followed.link.begin();
      }
    }
  }

  /** @returns why it cannot be stored at present */
  async #take(box: string, event: BoxEvent, isPast: boolean): Promise<PerchError | undefined> {
    let failure: PerchError | undefined;
    for (const path of this.#boxes.get(box)?.names.get(event.path) ?? []) {
      try {
        await this.#add({ ...event, path, source: 'camera' }, isPast);
      } catch (error) {
        rethrowUnexpected(error);
        this.#deps.log.debug({ box, path, event: event.id, cause: explain(error) }, 'event of a box rejected');
        // Limits of a camera, which last longer, must not hold up the others.
        if (error.code === 'unavailable' || Number(error.context['retryAfterS']) <= DISK_S) {
          failure = error;
        }
      }
    }
    return failure;
  }

  #takeOutage(box: string, { id, path: there, startUs, endUs }: BoxEvent): void {
    const { clock, recordings } = this.#deps;
    for (const path of this.#boxes.get(box)?.names.get(there) ?? []) {
      const toUs = endUs ?? clock.wallMs() * 1000;
      const known = recordings.playback.events
        .eventsOf(gapsName(path), startUs, toUs, 100)
        .filter(({ type }) => type === 'offline');
      const isOwn = known.some((one) => one.id !== id);
      const isSame = known.some((one) => one.id === id && one.startUs === startUs && one.endUs === endUs);
      // A path that is recorded here has its own outages.
      if (!isOwn && !isSame) {
        recordings.addOutage({ id, path, type: 'offline', source: 'perch', text: '', startUs, endUs });
      }
    }
  }

  async #add(event: CameraEvent, isPast: boolean): Promise<void> {
    const { clock, recordings } = this.#deps;
    const { events, playback } = recordings;
    const { id, path, type, startUs, endUs } = event;
    const nowUs = clock.wallMs() * 1000;
    const latestUs = Math.round(nowUs + FUTURE_US);
    const found = playback.events.eventsOf(path, startUs, startUs, 100).find((one) => one.id === id);
    // A box of an earlier release knows no labels.
    const labels = event.labels?.map(inTime(startUs, latestUs)) ?? found?.labels;
    const zones = joinedZones(found?.zones, event.zones);
    const known = events.isElsewhere(event) ? undefined : found;
    if (known && known.startUs === startUs && known.endUs === endUs && known.type === type) {
      await this.#change({ ...event, labels, zones }, known);
      return;
    }
    if (known?.endUs !== undefined && known.endUs > startUs && endUs === undefined) {
      // The bus may bring a start again after the end.
      await this.#change({ ...event, endUs: known.endUs, labels, zones }, known);
      return;
    }
    const isRunning = events.hub.running(path).some((one) => one.id === id);
    if (isRunning || (!isPast && startUs > nowUs - NEWS_US)) {
      // The box's clock may be ahead, which the hub would reject.
      const begin = Math.min(startUs, latestUs);
      await events.hub.add({
        ...event,
        ...{ labels, zones },
        startUs: begin,
        endUs: endUs === undefined ? undefined : Math.max(endUs, begin),
        ...(endUs === undefined && { state: 'start' as const }),
      });
    } else if (endUs !== undefined || startUs > nowUs - NEWS_US) {
      await events.storePast({ ...event, labels, zones, endUs: endUs ?? startUs });
    }
  }

  /** Labels and zones that the box reports later. */
  async #change(event: CameraEvent, known: Pick<CameraEvent, 'labels' | 'zones'>): Promise<void> {
    const { events } = this.#deps.recordings;
    const { path, id, labels, zones } = event;
    try {
      if (labels && !isDeepStrictEqual(labels, known.labels)) {
        await events.hub.label(path, id, labels);
      }
      if (zones && zones.length !== known.zones?.length) {
        await events.hub.enter(path, id, zones);
      }
    } catch (error) {
      if (!(error instanceof PerchError && error.code === 'notFound')) {
        throw error;
      }
      // It has ended some time ago.
      await events.storePast(event);
    }
  }

  async #load(): Promise<void> {
    if (this.#isLoaded) {
      return;
    }
    this.#isLoaded = true;
    const stored = await this.#document.open('events of boxes are fetched again');
    this.#stored = new Map(Object.entries(stored?.boxes ?? {}));
    this.#stopSaving = this.#deps.clock.every(SAVE_MS, () => void this.#save());
  }

  async #save(): Promise<void> {
    if (!this.#isChanged) {
      return this.#document.close();
    }
    this.#isChanged = false;
    const boxes = Object.fromEntries(
      [...this.#boxes].flatMap(([box, { mark, busMark, past, names }]) => {
        const ofBus = busMark === undefined ? {} : { bus: busMark, ...(past !== undefined && { past }) };
        return mark || busMark ? [[box, { ...mark, ...ofBus, paths: [...names.keys()] }]] : [];
      }),
    );
    if (!(await this.#document.trySave(() => ({ boxes }), 'the state of the events of boxes is not saved'))) {
      this.#isChanged = true;
    }
  }
}

function ended({ link, stop }: Followed): Promise<void> {
  stop.abort();
  return link.close();
}

const inTime =
  (startUs: number, latestUs: number) =>
  (label: EventLabel): EventLabel => ({ ...label, at: Math.min(Math.max(label.at, startUs), latestUs) });
