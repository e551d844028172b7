import { totalmem } from 'node:os';
import { explain } from '../../base/errors.ts';
import { type EventKind, eventKindOf, LABEL_TYPES, type LabelType } from '../../base/event-kinds.ts';
import { SUB_SUFFIX } from '../../cameras/adoption/plan.ts';
import { isReady, isSubStream } from '../../cameras/path-entries.ts';
import { resolvePath } from '../../config/load/load.ts';
import { pathSettingsIn, settingsIn } from '../../config/schema/feature-keys.ts';
import { loadLate } from '../../protocols/late.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import type { FeatureProblem, Host, OpenFeature } from '../contract.ts';
import type { Detector } from './detector/contract.ts';
import type { ExaminedCounts, Examiner } from './examine/examiner.ts';
import { OBJECTS } from './keys.ts';
import { KnownObjects } from './known-objects.ts';
import { type ModelSource, Readiness } from './readiness.ts';
import type { ObjectsControl, ObjectsStatus } from './routes.ts';

type ObjectsHost = Pick<
  Host,
  'dataDir' | 'version' | 'clock' | 'log' | 'config' | 'recordings' | 'applyPaths' | 'pictures' | 'movement'
>;

const TEXTS: Partial<Readonly<Record<ObjectsStatus['state'], string>>> = {
  missing: 'there is no model to look for objects',
  failed: 'no objects are looked for',
  tooSlow: 'no objects are looked for',
  tooLittleMemory: 'no objects are looked for',
};

/** Looks for persons, vehicles and animals in pictures of motion. */
export class Objects implements ObjectsControl {
  readonly #host: ObjectsHost;
  readonly #known: KnownObjects;
  readonly #readiness: Readiness;
  readonly #counts: ExaminedCounts = { pictures: 0, failures: 0, labelled: 0 };
  #examiner: Examiner | undefined;
  #isClosed = false;
  #unlisten = (): void => {};

  constructor(host: ObjectsHost, models: ModelSource, memoryBytes = memoryOfBox()) {
    const { dataDir, version, log, clock } = host;
    this.#host = host;
    this.#known = new KnownObjects(dataDir, version, log);
    this.#readiness = new Readiness({
      ...{ clock, log, models, memoryBytes, known: this.#known },
      changed: () => this.#stateChanged(),
    });
  }

  async begin(): Promise<void> {
    await this.#known.begin();
    this.#unlisten = this.#host.recordings.events.hub.listen((event) => this.#onEvent(event));
  }

  apply(): void {
    if (!this.#isClosed) {
      const config = this.#host.config();
      const { objectsModel, objectsLabels, objectsURL } = settingsIn(config, OBJECTS);
      const isWanted = this.#cameras().length > 0;
      this.#readiness.want(isWanted ? { objectsModel, objectsLabels, objectsURL } : undefined);
    }
  }

  /** What this box looks for in the pictures of a path, at present. */
  examines(path: string): readonly LabelType[] {
    return this.#readiness.detector ? this.#ownOf(path) : [];
  }

  retry(): void {
    this.#readiness.retry();
  }

  get status(): ObjectsStatus {
    const cameras = this.#cameras().map((name) => {
      const by = this.#ownOf(name).length > 0 ? ('box' as const) : ('camera' as const);
      return { name, objects: [...this.#wantedOf(name)], by };
    });
    return { ...this.#readiness.status, cameras };
  }

  problems(): readonly FeatureProblem[] {
    const { state, reason } = this.#readiness.status;
    const text = TEXTS[state];
    const since = new Date(this.#readiness.sinceMs).toISOString();
    const failure = this.#examiner?.failure;
    const ofPictures = failure && {
      why: 'pictures',
      text: `pictures of events of ${failure.camera} are not examined: ${failure.reason}`,
      since: new Date(failure.sinceMs).toISOString(),
    };
    return text === undefined
      ? ofPictures
        ? [ofPictures]
        : []
      : [{ why: state, text: reason === null ? text : `${text}: ${reason}`, since }];
  }

  metrics(): ReturnType<NonNullable<OpenFeature['metrics']>> {
    const { pictures, failures, labelled } = this.#counts;
    return [
      ['objects_pictures_total', 'counter', 'Pictures of events in which objects were looked for.', pictures],
      [
        'objects_failures_total',
        'counter',
        'Pictures of events that could not be examined, or were beyond the budget.',
        failures,
      ],
      ['objects_labelled_events_total', 'counter', 'Events in whose pictures an object was found.', labelled],
    ];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unlisten();
    this.#examiner?.close();
    await this.#readiness.close();
    await this.#known.close();
  }

  #stateChanged(): void {
    this.#examiner?.close();
    this.#examiner = undefined;
    const { detector } = this.#readiness;
    if (detector) {
      this.#open(detector).catch((error: unknown) => {
        this.#host.log.error({ reason: explain(error) }, 'no pictures of events are examined');
      });
    }
    this.#changed();
  }

  async #open(detector: Detector): Promise<void> {
    const { Examiner } = await loadLate('search for objects', () => import('./examine/examiner.ts'));
    if (detector !== this.#readiness.detector) {
      return;
    }
    const { recordings } = this.#host;
    this.#examiner = new Examiner({
      ...this.#host,
      ...{ detector, hub: recordings.events.hub, counts: this.#counts },
      cameraOf: (path) => this.#cameraOf(path),
      wanted: (path) => this.#ownOf(path),
      minHeightOf: (path) => this.#settingsOf(path)?.objectsMinHeight ?? 0,
    });
  }

  #changed(): void {
    // What is examined has changed, and so what the feature that finds motion watches.
    if (!this.#isClosed) {
      void this.#host.applyPaths();
    }
  }

  #onEvent(event: CameraEvent): void {
    const { path, type, source } = event;
    const label = labelOf(eventKindOf(type));
    const nowMs = this.#host.clock.wallMs();
    if (source === 'camera' && label && this.#known.noteCamera(this.#cameraOf(path), label, nowMs)) {
      this.#changed();
    }
    this.#examiner?.onEvent(event);
  }

  /** A sub stream belongs to the path of its camera. */
  #cameraOf(path: string): string {
    return isSubStream(path, this.#host.config()) ? path.slice(0, -SUB_SUFFIX.length) : path;
  }

  /** Paths with objects. */
  #cameras(): string[] {
    return [...this.#host.config().paths.values()]
      .filter(isReady)
      .map(({ name }) => name)
      .filter((name) => this.#wantedOf(name).length > 0);
  }

  #wantedOf(path: string): readonly LabelType[] {
    return isSubStream(path, this.#host.config()) ? [] : (this.#settingsOf(path)?.objects ?? []);
  }

  #settingsOf(path: string) {
    const settings = resolvePath(this.#host.config(), path)?.settings;
    return settings && pathSettingsIn(settings, OBJECTS);
  }

  /** Those that its camera does not name. */
  #ownOf(path: string): readonly LabelType[] {
    const nowMs = this.#host.clock.wallMs();
    return this.#wantedOf(path).filter((label) => !this.#known.isNamed(path, label, nowMs));
  }
}

const labelOf = (kind: EventKind | undefined): LabelType | undefined => LABEL_TYPES.find((label) => label === kind);

const memoryOfBox = (): number => Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
