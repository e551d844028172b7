import { putBounded } from '../../../base/bounded-map.ts';
import { PerchError } from '../../../base/errors.ts';
import { eventKindOf, LABEL_TYPES, type LabelType } from '../../../base/event-kinds.ts';
import { logOnce } from '../../../base/log-once.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import type { Host } from '../../contract.ts';
import type { Detector, FoundObject, RgbPicture } from '../detector/contract.ts';
import { EventLabels, isLikely, StillObjects } from './event-labels.ts';
import { AROUND_MS, aroundMotion, placed, seenIn, type TakenPicture } from './what-moves.ts';

/** When pictures are taken after an event has begun; then every `PAUSE_MS`. */
const FIRST_MS = [500, 1_500, 3_000, 6_000];
const PAUSE_MS = 10_000;
/** A camera that has named an object names those of an event within this time. */
const NEAR_MS = 10_000;
/** A picture may be this much older than its event, whose detection takes some pictures. */
const EARLIER_MS = 2_000;

export interface ExaminerOptions extends Pick<Host, 'clock' | 'log' | 'movement'> {
  readonly pictures: Pick<Host['pictures'], 'rgb'>;
  readonly hub: Pick<Host['recordings']['events']['hub'], 'label'>;
  readonly detector: Detector;
  /** The path of the camera: that of its main stream. */
  cameraOf(path: string): string;
  /** What to look for in the pictures of the camera; empty: nothing. */
  wanted(path: string): readonly LabelType[];
  /** Least height of an object, as a share of the picture. */
  minHeightOf(path: string): number;
  readonly counts: ExaminedCounts;
}

/** Since the start of Perch. */
export interface ExaminedCounts {
  pictures: number;
  failures: number;
  /** Events with a label. */
  labelled: number;
}

interface ExamineFailure {
  readonly camera: string;
  readonly reason: string;
  readonly sinceMs: number;
}

interface ExaminedEvent {
  readonly event: CameraEvent;
  /** Monotonic time. */
  endMs: number;
  /** Pictures since it has begun, or was added. */
  looks: number;
  isPublished: boolean;
  isLabelled: boolean;
}

interface Examination {
  /** Path of the camera. */
  readonly camera: string;
  /** By id: one movement may be an event of the camera and one of its stream. */
  readonly events: Map<string, ExaminedEvent>;
  /** Where the times of pictures begin, and how many were taken since. */
  sinceMs: number;
  count: number;
  isRunning: boolean;
  readonly labels: EventLabels;
  readonly stop: AbortController;
  /** Ends the wait for the next picture. */
  wake: AbortController;
  /** Something that moves was cut off by the edge of the examined part: the next picture is examined whole. */
  wasCut: boolean;
  /** The picture before, if it was whole: where motion is not known. */
  before: RgbPicture | undefined;
}

/** Examines pictures of motion events. Nothing waits for it. */
export class Examiner {
  readonly #options: ExaminerOptions;
  /** The last one of each camera, which may be over: its events are reported again with their ends and labels. */
  readonly #newest = new Map<string, Examination>();
  readonly #still = new Map<string, StillObjects>();
  /** Monotonic times at which cameras named an object. */
  readonly #namedMs = new Map<string, number>();
  readonly #logFailure: (error: unknown) => void;
  /** Of cameras whose last pictures were not examined. */
  readonly #failures = new Map<string, ExamineFailure & { readonly count: number }>();

  constructor(options: ExaminerOptions) {
    this.#options = options;
    this.#logFailure = logOnce((reason) => options.log.warn({ reason }, 'pictures of events are not examined'));
  }

  /** Of a camera none of whose last five pictures could be examined. */
  get failure(): ExamineFailure | undefined {
    return [...this.#failures.values()].find(({ count }) => count >= 5);
  }

  onEvent(event: CameraEvent): void {
    const { id, type, source, endUs } = event;
    const { clock, cameraOf } = this.#options;
    const camera = cameraOf(event.path);
    const kind = eventKindOf(type);
    const nowMs = clock.monoMs();
    if (source === 'camera' && LABEL_TYPES.some((label) => label === kind)) {
      putBounded(this.#namedMs, camera, nowMs, 1_000);
      stopped(this.#newest.get(camera));
      return;
    }
    const endMs = endUs === undefined ? Number.POSITIVE_INFINITY : nowMs + endUs / 1000 - clock.wallMs();
    const known = this.#newest.get(camera)?.events.get(id);
    if (known) {
      known.endMs = endMs;
    } else if (kind === 'motion' && source !== 'perch' && endMs > nowMs && event.labels === undefined) {
      this.#begin(camera, { event, endMs, looks: 0, isPublished: false, isLabelled: false });
    }
  }

  close(): void {
    for (const one of this.#newest.values()) {
      stopped(one);
    }
  }

  #begin(camera: string, event: ExaminedEvent): void {
    const sinceMs = this.#options.clock.monoMs();
    const wanted = this.#options.wanted(camera);
    const namedMs = this.#namedMs.get(camera);
    if (wanted.length === 0 || (namedMs !== undefined && sinceMs - namedMs < NEAR_MS)) {
      return;
    }
    const last = this.#newest.get(camera);
    if (last?.isRunning) {
      putBounded(last.events, event.event.id, event, 20);
      if (sinceMs - last.sinceMs > (FIRST_MS.at(-1) ?? 0)) {
        last.sinceMs = sinceMs;
        last.count = 0;
        last.wake.abort();
      }
      return;
    }
    const still = this.#still.get(camera) ?? new StillObjects();
    putBounded(this.#still, camera, still, 1_000);
    const labels = new EventLabels(wanted, still);
    const one: Examination = {
      ...{ camera, sinceMs, labels, events: new Map([[event.event.id, event]]), count: 0, isRunning: true },
      ...{ stop: new AbortController(), wake: new AbortController(), wasCut: false, before: undefined },
    };
    putBounded(this.#newest, camera, one, 1_000);
    void this.#run(one).finally(() => {
      one.isRunning = false;
      one.before = undefined;
    });
  }

  async #run(one: Examination): Promise<void> {
    const { clock } = this.#options;
    const { signal } = one.stop;
    while (!signal.aborted) {
      const { count } = one;
      const dueMs = FIRST_MS[count] ?? (FIRST_MS.at(-1) ?? 0) + PAUSE_MS * (count - FIRST_MS.length + 1);
      const leftMs = dueMs - (clock.monoMs() - one.sinceMs);
      if (leftMs > 0) {
        one.wake = new AbortController();
        await clock.sleep(leftMs, one.wake.signal);
        if (one.wake.signal.aborted) {
          continue;
        }
      }
      const nowMs = clock.monoMs();
      // A short event has one picture.
      if ([...one.events.values()].every(({ looks, endMs }) => looks > 0 && nowMs > endMs)) {
        return;
      }
      one.count += 1;
      await this.#look(one, [...one.events.values()]).catch((error: unknown) => this.#onFailure(one.camera, error));
      if (one.labels.labels.length > 0 && !(one.labels.isPending && count < FIRST_MS.length)) {
        return;
      }
    }
  }

  #onFailure(camera: string, error: unknown): void {
    const { clock, counts, log } = this.#options;
    counts.failures += 1;
    if (!(error instanceof PerchError)) {
      log.error({ err: error }, 'a picture of an event was not examined');
    } else if (error.code !== 'exhausted' && !/not live|private/.test(error.message)) {
      // More pictures than the budget of the processor allows are not a fault, nor is a camera that is off or private.
      this.#logFailure(error);
      const { sinceMs = clock.wallMs(), count = 0 } = this.#failures.get(camera) ?? {};
      putBounded(this.#failures, camera, { camera, reason: error.message, sinceMs, count: count + 1 }, 1_000);
    }
  }

  /** Examines a picture. @throws PerchError */
  async #look(one: Examination, events: readonly ExaminedEvent[]): Promise<void> {
    const { clock, detector, pictures, hub, counts } = this.#options;
    const { camera, labels } = one;
    const startUs = Math.max(...events.map(({ event }) => event.startUs));
    for (const event of events) {
      event.looks += 1;
    }
    let taken: TakenPicture | undefined;
    let takenMs = 0;
    const picture = async (othersWait: boolean): Promise<RgbPicture> => {
      const { width, height, rgb, part, wallMs } = await pictures.rgb(
        camera,
        detector.inputSize,
        (timeMs) => (one.wasCut ? undefined : aroundMotion(this.#options.movement(camera), timeMs)),
        othersWait ? 500 : undefined,
      );
      if (wallMs < startUs / 1000 - EARLIER_MS) {
        throw new PerchError('unavailable', 'the stream has no picture of the event yet', { path: camera });
      }
      takenMs = clock.monoMs();
      // The detector may give the memory of its picture away.
      const isWhole = part.width === 1 && part.height === 1;
      taken = { wallMs, part, whole: isWhole ? { width, height, rgb: rgb.slice() } : undefined };
      return { width, height, rgb };
    };
    const { objects } = await detector.examine({ path: camera, eventUs: startUs, picture });
    counts.pictures += 1;
    this.#failures.delete(camera);
    if (!taken || one.stop.signal.aborted) {
      return;
    }
    const { part, whole, wallMs } = taken;
    const counted = objects
      .map((object) => placed(object, part))
      .filter(({ isCut, box }) => isCut || this.#counts(camera, box));
    const movement = this.#options.movement(camera);
    let seen = seenIn(taken, counted, movement, one.before);
    if (seen.some(({ moves }) => moves === false)) {
      // What has begun to move is known a second later.
      await clock.sleep(Math.max(0, takenMs + AROUND_MS - clock.monoMs()), one.stop.signal);
      seen = seenIn(taken, counted, movement, one.before);
    }
    one.before = whole;
    one.wasCut = seen.some((object) => object.isCut && object.moves !== false && isLikely(object));
    if (one.stop.signal.aborted) {
      return;
    }
    const complete = seen.filter(({ isCut }) => !isCut);
    const isNews = labels.add(complete, Math.round(wallMs * 1000), part);
    const found = labels.labels;
    const wanted = this.#options.wanted(camera);
    // "Nothing" would be said too early.
    const isUnsure = complete.some(
      (one) => one.moves === undefined && isLikely(one) && wanted.some((type) => type === one.type),
    );
    if (found.length === 0 && isUnsure) {
      return;
    }
    for (const known of events.filter(({ isPublished }) => isNews || !isPublished)) {
      counts.labelled += found.length > 0 && !known.isLabelled ? 1 : 0;
      known.isPublished = true;
      known.isLabelled = found.length > 0;
      await hub.label(known.event.path, known.event.id, found);
    }
  }

  #counts(camera: string, { x, y, width, height }: FoundObject['box']): boolean {
    // A zone ends with the picture.
    const bottom = Math.min(y + height, 0.9999);
    const isInZone = this.#options.movement(camera)?.counts(x + width / 2, bottom) ?? true;
    return isInZone && height >= this.#options.minHeightOf(camera);
  }
}

function stopped(one: Examination | undefined): void {
  one?.stop.abort();
  one?.wake.abort();
}
