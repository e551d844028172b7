import { randomUUID } from 'node:crypto';
import { freemem, totalmem } from 'node:os';
import type { HostHealth, HostWatch } from '../../../system/host-health.ts';
import type { Clock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import type { PublishEvent } from '../../base/event-bus.ts';
import type { Host } from '../../features/contract.ts';
import type { EventHub } from '../../record/events/event-hub.ts';

const LOOK_MS = 10_000;
/** Interval at which the drives are read: reading them may wake a disk. */
const DRIVES_MS = 6 * 3_600_000;
/** Pause before the first reading, and before another one when a reading failed. */
const DRIVES_PAUSE_MS = 60_000;
/** A fault is over when it was absent for this long. */
const OVER_MS = 60_000;
const WORN_PERCENT = 90;
/** Share of the swap space that is in use when it counts as full. */
const FULL_SHARE = 0.9;
/** Full swap space is a fault only while less than this share of the memory is available. */
const MIN_FREE_MEMORY_SHARE = 0.1;

/** Kinds of faults: how long each is present before it counts, and its text. */
const FAULTS = {
  underVoltage: { afterMs: 0, text: 'the voltage of the power supply is too low' },
  slowed: { afterMs: 20_000, text: 'the processor is slowed down because of low voltage or heat' },
  hot: { afterMs: 20_000, text: 'the processor is too hot' },
  fan: { afterMs: 20_000, text: 'the fan does not turn' },
  swap: { afterMs: 60_000, text: 'memory and swap space are nearly full' },
  failing: { afterMs: 0, text: 'the drive reports that it is failing (SMART)' },
  worn: { afterMs: 0, text: `the drive has used ${WORN_PERCENT} % of its life` },
} as const;
type Why = keyof typeof FAULTS;

export interface HardwareFault {
  readonly why: Why;
  /** Name of the drive; null: the fault is one of the box. */
  readonly name: string | null;
  readonly text: string;
  /** Unix milliseconds. */
  readonly sinceMs: number;
}

/** When a fault was seen first and last, in monotonic milliseconds. */
interface Sight {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly fault?: HardwareFault & { readonly event: string };
}

interface HardwareWatchDeps extends Pick<Host, 'log' | 'signal'> {
  readonly clock: Pick<Clock, 'every' | 'monoMs' | 'wallMs'>;
  readonly host: Pick<HostWatch, 'hardware' | 'readDrives'>;
  readonly events: () => Pick<EventHub, 'add'>;
  readonly publish: PublishEvent;
  /** Default: of the box, with what the kernel can reclaim (`MemAvailable`). */
  readonly freeMemoryShare?: () => number;
}

/** Faults of power, heat, memory and drives, with their times: each is an event of the box. */
export class HardwareWatch {
  readonly #deps: HardwareWatchDeps;
  readonly #sights = new Map<string, Sight>();
  #drivesMs: number;

  constructor(deps: HardwareWatchDeps) {
    const { clock, signal } = deps;
    this.#deps = deps;
    this.#drivesMs = clock.monoMs() + DRIVES_PAUSE_MS;
    const stop = clock.every(LOOK_MS, () => void this.#look());
    signal.addEventListener('abort', stop, { once: true });
  }

  get faults(): readonly HardwareFault[] {
    return [...this.#sights.values()].flatMap(({ fault }) => (fault ? [fault] : []));
  }

  async #look(): Promise<void> {
    const { clock, host, freeMemoryShare = () => freemem() / totalmem() } = this.#deps;
    const nowMs = clock.monoMs();
    const { power, hasStoppedFan, swap } = await host.hardware();
    const isSwapFull = swap && swap.totalBytes - swap.freeBytes >= swap.totalBytes * FULL_SHARE;
    this.#update('', nowMs, [
      ...(['underVoltage', 'slowed', 'hot'] as const).filter((why) => power?.[why].now),
      ...(hasStoppedFan ? (['fan'] as const) : []),
      ...(isSwapFull && freeMemoryShare() < MIN_FREE_MEMORY_SHARE ? (['swap'] as const) : []),
    ]);
    if (nowMs >= this.#drivesMs) {
      this.#drivesMs = Number.POSITIVE_INFINITY;
      void this.#lookAtDrives();
    }
  }

  /** Not awaited: a disk that starts takes ten seconds, and one that hangs never answers. */
  async #lookAtDrives(): Promise<void> {
    const { clock, host } = this.#deps;
    const drives = await host.readDrives();
    const nowMs = clock.monoMs();
    this.#drivesMs = nowMs + (drives ? DRIVES_MS : DRIVES_PAUSE_MS);
    if (!drives) {
      return;
    }
    const gone = this.faults.filter(({ name }) => name !== null && !drives.some((drive) => drive.name === name));
    for (const { name } of gone) {
      this.#update(name ?? '', nowMs, []);
    }
    for (const drive of drives) {
      this.#update(drive.name, nowMs, faultsOf(drive));
    }
  }

  /** @param name of the drive; empty: the box */
  #update(name: string, nowMs: number, present: readonly Why[]): void {
    for (const why of present) {
      const key = `${why} ${name}`;
      const before = this.#sights.get(key);
      const firstMs = before?.firstMs ?? nowMs;
      const isDue = nowMs - firstMs >= FAULTS[why].afterMs;
      const fault = before?.fault ?? (isDue ? this.#begin(why, name) : undefined);
      this.#sights.set(key, { firstMs, lastMs: nowMs, ...(fault && { fault }) });
    }
    for (const [key, { lastMs, fault }] of this.#sights) {
      const isAbsent = key.endsWith(` ${name}`) && lastMs !== nowMs;
      if (isAbsent && (!fault || nowMs - lastMs >= OVER_MS)) {
        this.#sights.delete(key);
        this.#end(fault);
      }
    }
  }

  #begin(why: Why, name: string): NonNullable<Sight['fault']> {
    const { text } = FAULTS[why];
    const event = randomUUID();
    this.#deps.log.warn({ why, ...(name && { drive: name }) }, text);
    const fault = { why, name: name || null, text, sinceMs: this.#deps.clock.wallMs(), event };
    this.#publish(fault, true);
    this.#report({ id: event, state: 'start', text: wordsOf(fault) });
    return fault;
  }

  #end(fault: Sight['fault']): void {
    if (fault) {
      this.#deps.log.info({ why: fault.why }, 'a hardware fault is over');
      this.#publish(fault, false);
      this.#report({ id: fault.event, state: 'end' });
    }
  }

  #publish(fault: HardwareFault, present: boolean): void {
    this.#deps.publish('box', { state: 'hardware', why: fault.why, present, text: wordsOf(fault) });
  }

  /** An event ends by itself after an hour; its end is not found then. */
  #report(event: Pick<Parameters<EventHub['add']>[0], 'id' | 'state' | 'text'>): void {
    const { log, events } = this.#deps;
    events()
      .add({ path: '', type: 'hardware', source: 'perch', ...event })
      .catch((error: unknown) => log.debug({ cause: explain(error) }, 'an event about the hardware was not stored'));
  }
}

const wordsOf = ({ why, name, text }: HardwareFault): string => `${why}: ${name === null ? '' : `${name}: `}${text}`;

const faultsOf = ({ health, wornPercent = 0 }: HostHealth['drives'][number]): readonly Why[] => [
  ...(health === 'failing' ? (['failing'] as const) : []),
  ...(wornPercent >= WORN_PERCENT ? (['worn'] as const) : []),
];
