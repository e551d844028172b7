import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { GapReason } from '../../base/event-kinds.ts';
import type { Logger } from '../../base/log.ts';
import type { CameraEvent } from '../events/event.ts';
import { EventJournal, type EventJournalOptions } from '../events/event-journal.ts';
import { gapReasonOf, gapsName, type PathFacts, type WatchedPath } from './gap-reason.ts';

/** Time for cameras to connect after a start; not an outage. */
const CONNECT_MS = 15_000;

export interface GapJournalOptions extends Pick<EventJournalOptions, 'inTurn'> {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Nothing is dated by an untrusted clock. */
  readonly isClockTrusted: () => boolean;
  /** When the previous run was last known alive, Unix milliseconds, or undefined on the first run. */
  readonly lastAliveMs: () => number | undefined;
  readonly index: { addEvent(event: CameraEvent): void; removeEventsBefore(path: string, us: number): void };
  readonly factsOf: (path: string) => PathFacts;
}

interface OpenGap {
  readonly event: CameraEvent;
  nextUs: number | undefined;
}

/**
 * Reasons for gaps in recordings: per path, times without recording, in monthly files like events. Sampled
 * periodically, so starts and ends are some seconds off; the recordings have the exact times.
 */
export class GapJournal {
  readonly files: EventJournal;
  readonly #options: GapJournalOptions;
  readonly #startedMonoMs: number;
  /** The ongoing reason by path, or undefined if it records or the reason is unknown. */
  readonly #running = new Map<string, CameraEvent | undefined>();
  #missing: ReadonlySet<string> = new Set();
  /** At the last check, of each path with a stream. */
  #faults: ReadonlyMap<string, number> = new Map();
  #checkedMonoMs = 0;
  /** The clock was trusted, and gaps of an earlier run are closed. */
  #hasBegun = false;
  #isLoading = false;

  constructor(options: GapJournalOptions) {
    this.#options = options;
    this.#startedMonoMs = options.clock.monoMs();
    // About a thousand outages of a path in a month; later ones have no reason.
    this.files = new EventJournal({ ...options, maxFileBytes: 1 << 20 });
  }

  async replay(index: { addEvent(event: CameraEvent): void }, sinceMs?: number): Promise<void> {
    await this.files.replay({ addEvent: (event) => index.addEvent(toIndexed(event)) }, sinceMs);
  }

  async check(paths: readonly WatchedPath[]): Promise<void> {
    const { clock } = this.#options;
    if (this.#isLoading || !this.#options.isClockTrusted()) {
      return;
    }
    if (!this.#hasBegun) {
      this.#isLoading = true;
      await this.#begin(paths).finally(() => {
        this.#isLoading = false;
      });
    }
    const isStarting = clock.monoMs() - this.#startedMonoMs < CONNECT_MS;
    for (const path of paths) {
      if (path.recording !== null || this.#running.has(path.name)) {
        const reason = gapReasonOf(path, this.#options.factsOf(path.name));
        if ((path.ready || reason === 'offline') && this.#hasFailed(path)) {
          this.#setReason(path.name, 'offline', clock.wallMs() - (clock.monoMs() - this.#checkedMonoMs));
        }
        const isConnecting = isStarting && reason === 'offline' && !this.#wasReady(path.name);
        if (reason !== 'unknown' && !isConnecting) {
          this.#setReason(path.name, reason === 'recorded' ? undefined : reason);
        }
      }
    }
    this.#faults = new Map(paths.flatMap(({ name, ready, faults = 0 }) => (ready ? [[name, faults]] : [])));
    this.#checkedMonoMs = clock.monoMs();
    this.#forgetMissing(new Set(paths.map(({ name }) => name)));
  }

  /** Its stream has ended since the last check, by a fault if another one is there. */
  #hasFailed({ name, ready, faults = 0 }: WatchedPath): boolean {
    const before = this.#running.get(name)?.type;
    const isExpected = before === undefined || before === 'nothingSeen';
    return isExpected && this.#wasReady(name) && (!ready || faults > (this.#faults.get(name) ?? 0));
  }

  #wasReady(name: string): boolean {
    return this.#faults.has(name);
  }

  /** A path whose settings change is missing for a moment: it is gone after two checks. */
  #forgetMissing(names: ReadonlySet<string>): void {
    const missing = [...this.#running.keys()].filter((name) => !names.has(name));
    for (const name of missing.filter((one) => this.#missing.has(one))) {
      this.#setReason(name, undefined);
      this.#running.delete(name);
    }
    this.#missing = new Set(missing);
  }

  /** An outage that another box has reported. An ongoing one is not stored: only its end is known to be true. */
  addReported(event: CameraEvent): void {
    if (event.endUs === undefined) {
      this.#options.index.addEvent(toIndexed(event));
    } else {
      this.#write(event);
    }
  }

  /** The clock was set forward: no recording has these times. */
  clockSet(deltaMs: number): void {
    if (this.#hasBegun && deltaMs > 0) {
      const nowMs = this.#options.clock.wallMs();
      for (const path of this.#running.keys()) {
        this.#write({ ...openGap(path, 'clockSet', nowMs - deltaMs), endUs: usOf(nowMs) });
      }
    }
  }

  /** Deletes entries older than the path's recordings. @param keptMs undefined to keep them forever */
  async prune(nowMs: number, keptMs: (path: string) => number | undefined): Promise<void> {
    const { index } = this.#options;
    for (const path of await this.files.prune(nowMs, keptMs)) {
      const limitMs = keptMs(path);
      if (limitMs !== undefined) {
        index.removeEventsBefore(gapsName(path), usOf(nowMs - limitMs));
      }
    }
    // An ongoing gap is not old.
    for (const event of this.#running.values()) {
      if (event) {
        index.addEvent(toIndexed(event));
      }
    }
  }

  /** An orderly shutdown is the reason from now on. */
  async close(): Promise<void> {
    if (this.#hasBegun) {
      for (const path of this.#running.keys()) {
        this.#setReason(path, 'boxOff');
      }
    }
    await this.files.close();
  }

  /** Closes gaps of an earlier run: at this start, at the last sign of life, or at the next reason of the path. */
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
          this.#write({ ...openGap(name, 'boxOff', aliveMs), endUs: usOf(startMs) });
        }
      }
    }
    this.#hasBegun = true;
  }

  /** Gaps without an end, each with the start of the next gap of its path: there is one if the disk rejected only the end. */
  async #leftOpen(): Promise<readonly OpenGap[]> {
    const left: OpenGap[] = [];
    for await (const events of this.files.lastMonths(this.#options.clock.wallMs())) {
      // Clock jumps coincide with other reasons.
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

  #setReason(path: string, reason: GapReason | undefined, nowMs = this.#options.clock.wallMs()): void {
    const before = this.#running.get(path);
    if (before?.type === reason && this.#running.has(path)) {
      return;
    }
    if (before) {
      this.#write({ ...before, endUs: Math.max(usOf(nowMs), before.startUs) });
    }
    const next = reason && openGap(path, reason, nowMs);
    this.#running.set(path, next);
    if (next) {
      this.#write(next);
    }
  }

  #write(event: CameraEvent): void {
    this.#options.index.addEvent(toIndexed(event));
    void this.files.append(event);
  }
}

const usOf = (ms: number): number => Math.round(ms * 1000);
const toIndexed = (event: CameraEvent): CameraEvent => ({ ...event, path: gapsName(event.path) });

const openGap = (path: string, type: GapReason, startMs: number): CameraEvent => ({
  id: randomUUID(),
  path,
  type,
  source: 'perch',
  text: '',
  startUs: usOf(startMs),
  endUs: undefined,
});
