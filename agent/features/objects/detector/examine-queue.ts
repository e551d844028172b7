import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Examined, ExamineTask, RgbPicture } from './contract.ts';

interface QueueOptions {
  readonly clock: Clock;
  /** Pictures that wait while another one is examined. */
  readonly maxWaiting: number;
  /** A picture that has waited longer is rejected. */
  readonly maxWaitMs: number;
  /** What may be charged within a minute; absent: without limit. */
  readonly budgetMs?: number;
  examine(picture: RgbPicture, path: string): Promise<Examined>;
}

interface Waiting {
  readonly task: ExamineTask;
  readonly sinceMs: number;
  readonly resolve: (examined: Examined) => void;
  readonly reject: (error: PerchError) => void;
}

interface Charge {
  readonly atMs: number;
  readonly path: string;
  readonly ms: number;
}

/** The budget is that of so much time. */
const WINDOW_MS = 60_000;
/** A picture that is not made by then does not come: the others wait for it. */
const PICTURE_MS = 20_000;

/**
 * Examines one picture at a time. Cameras that have used no more than their share of the last minute come first, and of these the newest
 * event. A full queue rejects the oldest event of the camera with most pictures in it.
 */
export class ExamineQueue {
  readonly #options: QueueOptions;
  #waiting: Waiting[] = [];
  #charges: Charge[] = [];
  #isBusy = false;
  #isClosed = false;
  #stopTicks: (() => void) | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  examine(task: ExamineTask): Promise<Examined> {
    if (this.#isClosed) {
      return Promise.reject(ended(task));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Examined>();
    this.#waiting.push({ task, sinceMs: this.#options.clock.monoMs(), resolve, reject });
    this.#next();
    const { maxWaiting } = this.#options;
    if (this.#waiting.length > maxWaiting) {
      this.#reject(this.#leastWanted(), `${maxWaiting} newer pictures wait to be examined`);
    }
    return promise;
  }

  /** @param ms that the path has used now */
  charge(path: string, ms: number): void {
    this.#charges.push({ atMs: this.#options.clock.monoMs(), path, ms });
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTicks?.();
    this.#stopTicks = undefined;
    for (const { task, reject } of this.#waiting.splice(0)) {
      reject(ended(task));
    }
  }

  #next(): void {
    this.#dropLate();
    const next = this.#isBusy ? undefined : this.#mostWanted();
    if (next && (next.task.isTest || this.#hasBudget())) {
      this.#waiting = this.#waiting.filter((other) => other !== next);
      void this.#run(next);
    }
    this.#tickWhileWaiting();
  }

  async #run({ task, resolve, reject }: Waiting): Promise<void> {
    this.#isBusy = true;
    try {
      const picture = await this.#pictureOf(task);
      if (this.#isClosed) {
        throw ended(task);
      }
      resolve(await this.#options.examine(picture, task.path));
    } catch (error) {
      // Any other exception is that of a caller, which gets it.
      reject(error as PerchError);
    }
    this.#isBusy = false;
    this.#next();
  }

  async #pictureOf(task: ExamineTask): Promise<RgbPicture> {
    const over = new AbortController();
    const late = this.#options.clock.sleep(PICTURE_MS, over.signal);
    try {
      const made = await Promise.race([task.picture(this.#waiting.length > 0), late]);
      if (!made) {
        throw new PerchError('timeout', `no picture within ${PICTURE_MS / 1000} s`, { path: task.path });
      }
      if (!(made.width > 0 && made.height > 0 && made.rgb.length === 3 * made.width * made.height)) {
        throw new PerchError('badInput', `a picture of ${made.width}x${made.height} with ${made.rgb.length} bytes`);
      }
      return made;
    } finally {
      over.abort();
    }
  }

  #tickWhileWaiting(): void {
    const isWaiting = this.#waiting.length > 0 && !this.#isClosed;
    if (isWaiting && !this.#stopTicks) {
      this.#stopTicks = this.#options.clock.eachSecond(() => this.#next());
    } else if (!isWaiting) {
      this.#stopTicks?.();
      this.#stopTicks = undefined;
    }
  }

  #dropLate(): void {
    const { clock, maxWaitMs } = this.#options;
    const nowMs = clock.monoMs();
    this.#charges = this.#charges.filter(({ atMs }) => nowMs - atMs < WINDOW_MS);
    for (const late of this.#waiting.filter(({ sinceMs }) => nowMs - sinceMs >= maxWaitMs)) {
      this.#reject(late, this.#hasBudget() ? `it has waited for ${maxWaitMs / 1000} s` : this.#spentText());
    }
  }

  #reject(waiting: Waiting, reason: string): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    const { path } = waiting.task;
    waiting.reject(new PerchError('exhausted', `the picture is not examined: ${reason}`, { path }));
  }

  /** A picture that costs as much as the others still has to fit. The first one of a minute always does. */
  #hasBudget(): boolean {
    const { budgetMs = Number.POSITIVE_INFINITY } = this.#options;
    const spent = this.#spentMs();
    return spent + spent / Math.max(this.#charges.length, 1) <= budgetMs || this.#charges.length === 0;
  }

  #spentMs(path?: string): number {
    return this.#charges.reduce((sum, one) => sum + (path === undefined || one.path === path ? one.ms : 0), 0);
  }

  #spentText(): string {
    const { budgetMs = 0 } = this.#options;
    const percent = Math.round((100 * budgetMs) / WINDOW_MS);
    return `the budget, ${percent} % of a core, is spent: ${(this.#spentMs() / 1000).toFixed(1)} s within a minute`;
  }

  #mostWanted(): Waiting | undefined {
    const paths = new Set([...this.#waiting.map(({ task }) => task.path), ...this.#charges.map(({ path }) => path)]);
    const shareMs = this.#spentMs() / paths.size;
    const ranked = this.#waiting.map((waiting) => ({
      waiting,
      overMs: Math.max(this.#spentMs(waiting.task.path) - shareMs, 0),
    }));
    ranked.sort((a, b) => a.overMs - b.overMs || b.waiting.task.eventUs - a.waiting.task.eventUs);
    return ranked[0]?.waiting;
  }

  #leastWanted(): Waiting {
    const counts = new Map<string, number>();
    for (const { task } of this.#waiting) {
      counts.set(task.path, (counts.get(task.path) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    const ofMost = this.#waiting.filter(({ task }) => counts.get(task.path) === most);
    return ofMost.reduce((oldest, one) => (one.task.eventUs < oldest.task.eventUs ? one : oldest));
  }
}

const ended = ({ path }: ExamineTask): PerchError => new PerchError('unavailable', 'Perch ends', { path });
