import { join } from 'node:path';
import { PerchError } from '../base/errors.ts';
import type { Context } from '../config/load/context.ts';
import { resolvePath } from '../config/load/load.ts';
import { remotePathOf } from '../config/values/remote-path.ts';
import type { EventIntake, ReportedEvent } from '../http/api/recordings/events.ts';
import type { CameraEvent } from '../record/events/event.ts';
import { EventHub } from '../record/events/event-hub.ts';
import { EventJournal } from '../record/events/event-journal.ts';
import { gapsName } from '../record/gaps/gap-reason.ts';
import type { FlushPoint } from '../record/write/flush.ts';
import { ActedEvents } from './acted-events.ts';

const PRUNE_PAUSE_MS = 6 * 3_600_000;
/** Retention of events of the box, which belong to no path. */
const MACHINE_KEPT_MS = 365 * 86_400_000;

interface CameraEventsOptions extends Pick<Context, 'config' | 'dataDir' | 'clock' | 'log'> {
  readonly flush: FlushPoint;
  /** Retention of the path's recordings; undefined: forever. */
  readonly keptMs: (path: string) => number | undefined;
  /** False before the clock was set: no event expires. */
  readonly isClockTrusted: () => boolean;
  /** The clock may be years ahead: no event expires. */
  readonly isDateDoubted?: () => boolean;
  /** Resolves when the configuration of the time of the call is in force. */
  readonly settled?: () => Promise<void>;
  readonly index: {
    addEvent(event: CameraEvent): void;
    mergeEvent(event: CameraEvent): void;
    removeEventsBefore(path: string, us: number): void;
    removeEventsWithin(path: string, fromUs: number, untilUs: number): void;
    paths(): readonly string[];
  };
}

/** Tells other servers of the events of this one. */
export interface EventSharer {
  /** Also of an event that has changed. */
  stored(event: CameraEvent): void;
  /** @param beforeUs by path: events that ended earlier are not kept */
  expired(beforeUs: ReadonlyMap<string, number>): Promise<void>;
  close(): Promise<void>;
}

/** Receives and stores the events of all cameras and of the box. */
export class CameraEvents implements EventIntake {
  readonly hub: EventHub;
  /** Those on which this server acts. */
  readonly acted: ActedEvents;
  readonly journal: EventJournal;
  readonly #options: CameraEventsOptions;
  #upkeep: Promise<void> = Promise.resolve();
  #sharer: EventSharer | undefined;
  /** Events that only other servers have reported so far, the latest last. */
  readonly #elsewhere = new Set<string>();

  constructor(options: CameraEventsOptions) {
    const { dataDir, clock, log, flush } = options;
    const folder = join(dataDir, 'events');
    this.#options = options;
    this.journal = new EventJournal({ folder, logger: log, inTurn: (device, work) => flush.disk(device).flush(work) });
    this.hub = new EventHub(this.journal, clock, log);
    this.hub.listen((event) => this.#store(event));
    this.acted = new ActedEvents({
      hub: this.hub,
      dataDir,
      clock,
      isRemote: (path) => remotePathOf(resolvePath(options.config(), path)?.settings?.source ?? '') !== undefined,
      log,
    });
    // Flushed together with the recordings of its disk.
    flush.add(folder, this.journal);
  }

  /** Called before the first event. */
  share(sharer: EventSharer): void {
    this.#sharer = sharer;
  }

  /** The journal's lines may be older than what other servers have added. */
  replay(index: { addEvent(event: CameraEvent): void }, sinceMs?: number): Promise<void> {
    const merging = { addEvent: (event: CameraEvent) => this.#options.index.mergeEvent(event) };
    return this.journal.replay(this.#sharer ? merging : index, sinceMs);
  }

  /** Notes events that are in the index because other servers have reported them. */
  noteElsewhere(events: readonly CameraEvent[]): void {
    for (const event of events) {
      this.#elsewhere.add(keyOf(event));
    }
    for (const key of [...this.#elsewhere].slice(0, -2_000)) {
      this.#elsewhere.delete(key);
    }
  }

  /** Only another server has reported it so far: rules and notifications of this one do not know it. */
  isElsewhere(event: Pick<CameraEvent, 'path' | 'id'>): boolean {
    return this.#elsewhere.has(keyOf(event));
  }

  #store(event: CameraEvent): void {
    const { index } = this.#options;
    this.#elsewhere.delete(keyOf(event));
    if (this.#sharer) {
      index.mergeEvent(event);
      this.#sharer.stored(event);
    } else {
      index.addEvent(event);
    }
  }

  begin(signal: AbortSignal): void {
    const { clock, log, isClockTrusted, isDateDoubted } = this.#options;
    const keepUp = async (): Promise<void> => {
      let isBegun = false;
      while (!signal.aborted) {
        if (!isBegun) {
          isBegun = await this.#endLeftOpen();
        }
        if (isClockTrusted() && !isDateDoubted?.()) {
          await this.#prune(clock.wallMs()).catch((error: unknown) =>
            log.error({ err: error }, 'cannot delete old events'),
          );
        }
        await clock.sleep(PRUNE_PAUSE_MS, signal);
      }
    };
    this.#upkeep = keepUp().catch((error: unknown) => log.error({ err: error }, 'old events are no longer deleted'));
  }

  async tell(event: ReportedEvent): Promise<{ readonly id: string }> {
    const { path } = event;
    const isMissing = (): boolean => !resolvePath(this.#options.config(), path)?.settings;
    if (isMissing()) {
      // It may have been added a moment before.
      await this.#options.settled?.();
    }
    if (isMissing()) {
      throw new PerchError('badInput', `path '${path.slice(0, 240)}' is not configured`, { path });
    }
    const added = await this.hub.add({ ...this.#dated(event), source: 'api' });
    // The caller relies on the response: a power cut must not lose the event.
    await this.journal.sync();
    if (this.journal.isRejected(added)) {
      const message = 'the event was forwarded, but the disk rejected it: see the log';
      throw new PerchError('unavailable', message, { path, event: added.id });
    }
    return { id: added.id };
  }

  /** Stores an event that is over, without notifications. */
  async storePast(event: CameraEvent): Promise<void> {
    this.journal.checkCapacity();
    this.#store(event);
    await this.journal.append(event);
  }

  /** Deletes the events of a path that started in the range. */
  async deleteWithin(path: string, fromUs: number, untilUs: number): Promise<void> {
    this.hub.forgetWithin(path, fromUs, untilUs);
    await this.journal.removeWithin(path, fromUs, untilUs);
    this.#options.index.removeEventsWithin(path, fromUs, untilUs);
  }

  async close(): Promise<void> {
    await this.#upkeep;
    await this.hub.close();
    await this.#sharer?.close();
  }

  /**
   * Before the clock is set, reported times cannot be compared with it: the event starts now and keeps its duration.
   */
  #dated(event: ReportedEvent): ReportedEvent {
    const { clock, isClockTrusted } = this.#options;
    const { startUs, endUs } = event;
    if (isClockTrusted()) {
      return event;
    }
    const hasDuration = startUs !== undefined && endUs !== undefined;
    const nowUs = Math.round(clock.wallMs() * 1000);
    return {
      ...event,
      startUs: undefined,
      endUs: hasDuration ? nowUs + endUs - startUs : undefined,
      labels: event.labels?.map((label) => ({ ...label, at: nowUs })),
    };
  }

  async #endLeftOpen(): Promise<boolean> {
    try {
      await this.hub.begin();
      return true;
    } catch (error) {
      this.#options.log.error({ err: error }, 'cannot end the events that the previous run left open');
      return false;
    }
  }

  async #prune(nowMs: number): Promise<void> {
    const { index } = this.#options;
    const own = await this.journal.prune(nowMs, (name) => this.#keptMs(name));
    const beforeUs = new Map<string, number>();
    // Those of other servers are in the index alone. Gaps have their own journal.
    const taken = this.#sharer ? index.paths().filter((name) => !name.startsWith(gapsName(''))) : [];
    for (const path of new Set([...own, ...taken])) {
      const keptMs = this.#keptMs(path);
      if (keptMs !== undefined) {
        beforeUs.set(path, (nowMs - keptMs) * 1000);
        index.removeEventsBefore(path, (nowMs - keptMs) * 1000);
      }
    }
    await this.#sharer?.expired(beforeUs);
  }

  #keptMs(path: string): number | undefined {
    return path === '' ? MACHINE_KEPT_MS : this.#options.keptMs(path);
  }
}

const keyOf = ({ path, id }: Pick<CameraEvent, 'path' | 'id'>): string => `${id} ${path}`;
