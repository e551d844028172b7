import { join } from 'node:path';
import { PerchError } from '../base/errors.ts';
import type { Context } from '../config/load/context.ts';
import { resolvePath } from '../config/load/load.ts';
import type { EventIntake, ReportedEvent } from '../http/api/recordings/events.ts';
import type { CameraEvent } from '../record/events/event.ts';
import { EventHub } from '../record/events/event-hub.ts';
import { EventJournal } from '../record/events/event-journal.ts';
import type { FlushPoint } from '../record/write/flush.ts';

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
  readonly index: {
    addEvent(event: CameraEvent): void;
    removeEventsBefore(path: string, us: number): void;
    removeEventsWithin(path: string, fromUs: number, untilUs: number): void;
  };
}

/** Receives and stores the events of all cameras and of the box. */
export class CameraEvents implements EventIntake {
  readonly hub: EventHub;
  readonly journal: EventJournal;
  readonly #options: CameraEventsOptions;
  #upkeep: Promise<void> = Promise.resolve();

  constructor(options: CameraEventsOptions) {
    const { dataDir, clock, log, flush, index } = options;
    const folder = join(dataDir, 'events');
    this.#options = options;
    this.journal = new EventJournal({ folder, logger: log, inTurn: (device, work) => flush.disk(device).flush(work) });
    this.hub = new EventHub(this.journal, clock, log);
    this.hub.listen((event) => index.addEvent(event));
    // Flushed together with the recordings of its disk.
    flush.add(folder, this.journal);
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
    if (!resolvePath(this.#options.config(), path)?.settings) {
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
    this.#options.index.addEvent(event);
    await this.journal.append(event);
  }

  /** Deletes the events of a path that started in the range. */
  async deleteWithin(path: string, fromUs: number, untilUs: number): Promise<void> {
    await this.journal.removeWithin(path, fromUs, untilUs);
    this.#options.index.removeEventsWithin(path, fromUs, untilUs);
  }

  async close(): Promise<void> {
    await this.#upkeep;
    await this.hub.close();
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
    return { ...event, startUs: undefined, endUs: hasDuration ? nowUs + endUs - startUs : undefined };
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
    for (const path of await this.journal.prune(nowMs, (name) => this.#keptMs(name))) {
      const keptMs = this.#keptMs(path);
      if (keptMs !== undefined) {
        this.#options.index.removeEventsBefore(path, (nowMs - keptMs) * 1000);
      }
    }
  }

  #keptMs(path: string): number | undefined {
    return path === '' ? MACHINE_KEPT_MS : this.#options.keptMs(path);
  }
}
