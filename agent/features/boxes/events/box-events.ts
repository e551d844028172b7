import { join } from 'node:path';
import Type from 'typebox';
import { explain, PerchError } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Config } from '../../../config/load/load.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import { gapsName } from '../../../record/gaps/gap-reason.ts';
import type { Recordings } from '../../../recordings/recordings.ts';
import type { Host } from '../../contract.ts';
import type { BoxEvent } from '../requests/box-answers.ts';
import type { BoxRequests } from '../requests/box-requests.ts';
import { namesByBox } from '../requests/remote-paths.ts';
import { BoxEventLink, type EventMark } from './box-event-link.ts';

const SAVE_MS = 30_000;
/** Older events are stored without notifications. */
const NEWS_US = 120_000_000;
const FUTURE_US = 60_000_000;

const Marks = Type.Object({
  boxes: Type.Record(
    Type.String(),
    Type.Object({ id: Type.String({ maxLength: 64 }), atMs: Type.Number(), paths: Type.Array(Type.String()) }),
    { maxProperties: 10_000 },
  ),
});

interface BoxEventsDeps extends Pick<Host, 'dataDir' | 'clock' | 'log'> {
  readonly requests: BoxRequests;
  readonly recordings: Pick<Recordings, 'events' | 'playback' | 'addOutage'>;
}

interface Followed {
  readonly link: BoxEventLink;
  /** Names of the paths here, by the path on the box. */
  names: ReadonlyMap<string, readonly string[]>;
  mark: EventMark | undefined;
}

/** Events of the boxes whose cameras are configured here: they become events of the paths here. */
export class BoxEvents {
  readonly #deps: BoxEventsDeps;
  readonly #document: StoredDocument<typeof Marks>;
  readonly #boxes = new Map<string, Followed>();
  #stored: ReadonlyMap<string, EventMark & { readonly paths: readonly string[] }> = new Map();
  #isLoaded = false;
  #isChanged = false;
  #stopSaving: () => void = () => {};

  constructor(deps: BoxEventsDeps) {
    this.#deps = deps;
    this.#document = new StoredDocument(join(deps.dataDir, 'box-events.json'), Marks, deps.log);
  }

  /** Follows the boxes of a configuration, and no others. */
  async apply(config: Pick<Config, 'paths'>): Promise<void> {
    const wanted = namesByBox(config);
    const gone = [...this.#boxes].filter(([box]) => !wanted.has(box));
    for (const [box] of gone) {
      this.#boxes.delete(box);
      this.#isChanged = true;
    }
    await Promise.all(gone.map(([, { link }]) => link.close()));
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
    await Promise.all([...this.#boxes.values()].map(({ link }) => link.close()));
    await this.#save();
  }

  #follow(box: string, names: Followed['names']): Followed {
    const stored = this.#stored.get(box);
    const link = new BoxEventLink({
      ...this.#deps,
      box,
      mark: stored && { id: stored.id, atMs: stored.atMs },
      isShown: (path) => this.#boxes.get(box)?.names.has(path) === true,
      take: (event, isPast) => this.#take(box, event, isPast),
      takeOutage: (outage) => this.#takeOutage(box, outage),
      noteMark: (mark) => {
        const followed = this.#boxes.get(box);
        if (followed) {
          // A quiet box causes no writes.
          this.#isChanged ||= followed.mark?.id !== mark.id;
          followed.mark = mark;
        }
      },
    });
    const followed = { link, names, mark: stored };
    this.#boxes.set(box, followed);
    return followed;
  }

  async #take(box: string, event: BoxEvent, isPast: boolean): Promise<void> {
    for (const path of this.#boxes.get(box)?.names.get(event.path) ?? []) {
      await this.#add({ ...event, path, source: 'camera' }, isPast).catch((error: unknown) => {
        if (!(error instanceof PerchError)) {
          throw error;
        }
        this.#deps.log.debug({ box, path, event: event.id, cause: explain(error) }, 'event of a box rejected');
      });
    }
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
    const known = playback.events.eventsOf(path, startUs, startUs, 100).find((one) => one.id === id);
    if (known && known.startUs === startUs && known.endUs === endUs && known.type === type) {
      return;
    }
    const nowUs = clock.wallMs() * 1000;
    const isRunning = events.hub.running(path).some((one) => one.id === id);
    if (isRunning || (!isPast && startUs > nowUs - NEWS_US)) {
      // The box's clock may be ahead, which the hub would reject.
      const begin = Math.min(startUs, Math.round(nowUs + FUTURE_US));
      await events.hub.add({
        ...event,
        startUs: begin,
        endUs: endUs === undefined ? undefined : Math.max(endUs, begin),
        ...(endUs === undefined && { state: 'start' as const }),
      });
    } else if (endUs !== undefined || startUs > nowUs - NEWS_US) {
      await events.storePast({ ...event, endUs: endUs ?? startUs });
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
      [...this.#boxes].flatMap(([box, { mark, names }]) =>
        mark ? [[box, { id: mark.id, atMs: mark.atMs, paths: [...names.keys()] }]] : [],
      ),
    );
    if (!(await this.#document.trySave(() => ({ boxes }), 'the state of the events of boxes is not saved'))) {
      this.#isChanged = true;
    }
  }
}
