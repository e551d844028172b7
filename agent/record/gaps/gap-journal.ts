import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { CameraEvent } from '../events/event.ts';
import { EventJournal, type EventJournalOptions } from '../events/event-journal.ts';
import { type GapReason, gapReasonOf, gapsName, type PathFacts, type WatchedPath } from './gap-reason.ts';

/** Some thousand outages of a path in a month; what begins after them has no reason. */
const MAX_FILE_BYTES = 1 << 20;
/** Cameras need so long to connect after a start: that is no outage. */
const CONNECT_MS = 15_000;

export interface GapJournalOptions extends Pick<EventJournalOptions, 'inTurn'> {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Nothing is dated while it is not known what time it is. */
  readonly isClockTrusted: () => boolean;
  /** Until when the box is known to have run before this start, Unix milliseconds; undefined: it never has. */
  readonly lastAliveMs: () => number | undefined;
  readonly index: { addEvent(event: CameraEvent): void; removeEventsBefore(path: string, us: number): void };
  readonly factsOf: (path: string) => PathFacts;
}

interface Left {
  readonly event: CameraEvent;
  nextUs: number | undefined;
}

/**
 * Why there are gaps in recordings: for each path the times in which it was not recorded, with the reason, in monthly files as those
 * of events. It is looked at every now and then, so begins and ends are some seconds off: recordings tell exactly when the gap was.
 */
export class GapJournal {
  readonly files: EventJournal;
  readonly #options: GapJournalOptions;
  readonly #startedMonoMs: number;
  /** What goes on, by path; undefined: it is recorded, or nobody knows why not. */
  readonly #running = new Map<string, CameraEvent | undefined>();
  /** Was not there at the last look. */
  #missing: ReadonlySet<string> = new Set();
  /** The time was known, and what an earlier run has left is ended. */
  #hasBegun = false;
  #isLoading = false;

  constructor(options: GapJournalOptions) {
    this.#options = options;
    this.#startedMonoMs = options.clock.monoMs();
    this.files = new EventJournal({ ...options, maxFileBytes: MAX_FILE_BYTES });
  }

  /** Tells the index everything anew. */
  async replay(index: { addEvent(event: CameraEvent): void }, sinceMs?: number): Promise<void> {
    await this.files.replay({ addEvent: (event) => index.addEvent(ofIndex(event)) }, sinceMs);
  }

  /** Looks at all paths. */
  async look(paths: readonly WatchedPath[]): Promise<void> {
    if (this.#isLoading || !this.#options.isClockTrusted()) {
      return;
    }
    if (!this.#hasBegun) {
      this.#isLoading = true;
      await this.#begin(paths).finally(() => {
        this.#isLoading = false;
      });
    }
    const isStarting = this.#options.clock.monoMs() - this.#startedMonoMs < CONNECT_MS;
    for (const path of paths) {
      if (path.recording !== null || this.#running.has(path.name)) {
        const reason = gapReasonOf(path, this.#options.factsOf(path.name));
        if (reason !== 'unknown' && !(isStarting && reason === 'offline')) {
          this.#turn(path.name, reason === 'recorded' ? undefined : reason);
        }
      }
    }
    this.#forgetMissing(new Set(paths.map(({ name }) => name)));
  }

  /** A path whose settings change is not there for a moment: it has gone when it is missing at two looks. */
  #forgetMissing(names: ReadonlySet<string>): void {
    const missing = [...this.#running.keys()].filter((name) => !names.has(name));
    for (const name of missing.filter((one) => this.#missing.has(one))) {
      this.#turn(name, undefined);
      this.#running.delete(name);
    }
    this.#missing = new Set(missing);
  }

  /** The clock was set forward by so much: no recording has those times. */
  clockSet(deltaMs: number): void {
    if (this.#hasBegun && deltaMs > 0) {
      const nowMs = this.#options.clock.wallMs();
      for (const path of this.#running.keys()) {
        this.#write({ ...begun(path, 'clockSet', nowMs - deltaMs), endUs: usOf(nowMs) });
      }
    }
  }

  /** Deletes what is older than its path's recordings. @param keptMs undefined: for ever */
  async prune(nowMs: number, keptMs: (path: string) => number | undefined): Promise<void> {
    const { index } = this.#options;
    for (const path of await this.files.prune(nowMs, keptMs)) {
      const limitMs = keptMs(path);
      if (limitMs !== undefined) {
        index.removeEventsBefore(gapsName(path), usOf(nowMs - limitMs));
      }
    }
    // What goes on is not old, whenever it has begun.
    for (const event of this.#running.values()) {
      if (event) {
        index.addEvent(ofIndex(event));
      }
    }
  }

  /** The box is switched off in order: from now on that is the reason. */
  async close(): Promise<void> {
    if (this.#hasBegun) {
      for (const path of this.#running.keys()) {
        this.#turn(path, 'boxOff');
      }
    }
    await this.files.close();
  }

  /**
   * Ends what an earlier run has left: where it was switched off at the start, after a power cut when it was last seen alive, and
   * always when the path's next reason began.
   */
  async #begin(paths: readonly WatchedPath[]): Promise<void> {
    const { clock, lastAliveMs } = this.#options;
    const left = await this.#leftOpen();
    const startMs = clock.wallMs() - (clock.monoMs() - this.#startedMonoMs);
    const aliveMs = lastAliveMs();
    const wasSwitchedOff = new Set<string>();
    for (const { event, nextUs } of left) {
      const isLast = nextUs === undefined;
      const endMs = event.type === 'boxOff' ? startMs : (aliveMs ?? startMs);
      this.#write({ ...event, endUs: Math.max(isLast ? usOf(endMs) : nextUs, event.startUs) });
      this.#running.set(event.path, undefined);
      if (isLast && event.type === 'boxOff') {
        wasSwitchedOff.add(event.path);
      }
    }
    for (const { name, recording } of paths) {
      if (recording !== null || this.#running.has(name)) {
        this.#running.set(name, undefined);
        if (!wasSwitchedOff.has(name) && aliveMs !== undefined && aliveMs < startMs) {
          this.#write({ ...begun(name, 'boxOff', aliveMs), endUs: usOf(startMs) });
        }
      }
    }
    this.#hasBegun = true;
  }

  /** What has no end, with the begin of the path's next reason: there is one where the disk has refused the end alone. */
  async #leftOpen(): Promise<readonly Left[]> {
    const left: Left[] = [];
    for await (const events of this.files.lastMonths(this.#options.clock.wallMs())) {
      // Times that the clock has jumped over stand beside what goes on.
      for (const event of events.filter(({ type }) => type !== 'clockSet')) {
        const before = left.at(-1);
        if (before?.event.path === event.path) {
          before.nextUs ??= event.startUs;
        }
        if (event.endUs === undefined) {
          left.push({ event, nextUs: undefined });
        }
      }
    }
    return left;
  }

  #turn(path: string, reason: GapReason | undefined): void {
    const before = this.#running.get(path);
    if (before?.type === reason && this.#running.has(path)) {
      return;
    }
    const nowMs = this.#options.clock.wallMs();
    if (before) {
      this.#write({ ...before, endUs: Math.max(usOf(nowMs), before.startUs) });
    }
    const next = reason && begun(path, reason, nowMs);
    this.#running.set(path, next);
    if (next) {
      this.#write(next);
    }
  }

  #write(event: CameraEvent): void {
    this.#options.index.addEvent(ofIndex(event));
    void this.files.append(event);
  }
}

const usOf = (ms: number): number => Math.round(ms * 1000);
const ofIndex = (event: CameraEvent): CameraEvent => ({ ...event, path: gapsName(event.path) });

const begun = (path: string, type: GapReason, startMs: number): CameraEvent => ({
  ...{ id: randomUUID(), path, type, source: 'perch', text: '' },
  ...{ startUs: usOf(startMs), endUs: undefined },
});
