import { type Clock, endsWithin } from '../agent/base/clock.ts';
import type { PowerState } from './raspberry.ts';
import type { ClockSource, Drive, NetworkCount, Sensors, SwapSpace } from './sensors.ts';

/** Load and health of the box; members are undefined if not available there. */
export interface HostHealth {
  readonly model: string | undefined;
  readonly temperatureCelsius: number | undefined;
  readonly power: PowerState | undefined;
  readonly hasStoppedFan: boolean | undefined;
  readonly swap: SwapSpace | undefined;
  readonly network: readonly NetworkRate[];
  readonly drives: readonly Drive[];
  readonly clockSource: ClockSource;
}

interface NetworkRate {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Bits per second; undefined for the first seconds. */
  readonly inboundBitrate: number | undefined;
  readonly outboundBitrate: number | undefined;
}

/** How long temperature, power state and network rates are valid. */
const QUICK_MS = 4_000;
/** How long values are valid that need a program. */
const SLOW_MS = 60_000;
/** How long values are valid whose reading may wake a disk. */
const DRIVES_MS = 10 * 60_000;

/** Longest wait for an answer: a hanging disk blocks every reader. */
const PATIENCE_MS = 2_500;

type HostClock = Pick<Clock, 'monoMs' | 'wallMs' | 'sleep'>;
type Hardware = Pick<HostHealth, 'power' | 'hasStoppedFan' | 'swap'>;

/** Reads the box's state on demand, at most as often as it changes, once for all callers. */
export class HostWatch {
  readonly #clock: HostClock;
  readonly temperature: () => Promise<number | undefined>;
  readonly #network: () => Promise<readonly NetworkRate[]>;
  /** State of the hardware, from files of the kernel alone. */
  readonly hardware: () => Promise<Hardware>;
  readonly drives: () => Promise<readonly Drive[]>;
  /** A new reading of the drives, however long it takes, or undefined if it failed. */
  readonly readDrives: () => Promise<readonly Drive[] | undefined>;
  readonly #source: () => Promise<ClockSource>;
  readonly #model: () => Promise<string | undefined>;
  #counts: { readonly atMs: number; readonly byName: ReadonlyMap<string, NetworkCount> } | undefined;

  constructor(clock: HostClock, sensors: Sensors) {
    this.#clock = clock;
    // A sensor that fails counts as missing.
    const missing = () => undefined;
    const temperature = () => sensors.temperatureCelsius().catch(missing);
    this.temperature = this.#kept<number | undefined>(QUICK_MS, undefined, temperature);
    const network = async () => this.#rates(await sensors.network().catch(() => []));
    this.#network = this.#kept<readonly NetworkRate[]>(QUICK_MS, [], network);
    const unknown = { power: undefined, hasStoppedFan: undefined, swap: undefined };
    this.hardware = this.#kept<Hardware>(QUICK_MS, unknown, async () => {
      const [power, hasStoppedFan, swap] = await Promise.all([
        sensors.power().catch(missing),
        sensors.hasStoppedFan().catch(missing),
        sensors.swap().catch(missing),
      ]);
      return { power, hasStoppedFan, swap };
    });
    this.readDrives = () => sensors.drives().catch(missing);
    this.drives = this.#kept<readonly Drive[]>(DRIVES_MS, [], async () => (await this.readDrives()) ?? []);
    const source = () => sensors.clockSource(clock.wallMs()).catch(() => 'none' as const);
    this.#source = this.#kept<ClockSource>(SLOW_MS, 'none', source);
    const model = () => sensors.model().catch(() => undefined);
    this.#model = this.#kept<string | undefined>(Number.POSITIVE_INFINITY, undefined, model);
  }

  async read(): Promise<HostHealth> {
    const slow = Promise.all([this.drives(), this.#source(), this.#model()]);
    const quick = Promise.all([this.temperature(), this.#network(), this.hardware()]);
    const [[temperatureCelsius, network, hardware], [drives, clockSource, model]] = await Promise.all([quick, slow]);
    return { temperatureCelsius, network, ...hardware, model, drives, clockSource };
  }

  /**
   * Values are valid for `forMs`; concurrent callers share one reading.
   * @param nothing returned while the first reading takes too long
   */
  #kept<T>(forMs: number, nothing: T, read: () => Promise<T>): () => Promise<T> {
    let reading: Promise<void> | undefined;
    let [last, untilMs] = [nothing, Number.NEGATIVE_INFINITY];
    return async () => {
      if (reading || this.#clock.monoMs() >= untilMs) {
        reading ??= read().then((value) => {
          [last, untilMs, reading] = [value, this.#clock.monoMs() + forMs, undefined];
        });
        await endsWithin(this.#clock, PATIENCE_MS, reading);
      }
      return last;
    };
  }

  #rates(counts: readonly NetworkCount[]): readonly NetworkRate[] {
    const [before, atMs] = [this.#counts, this.#clock.monoMs()];
    this.#counts = { atMs, byName: new Map(counts.map((count) => [count.name, count])) };
    const elapsedMs = before ? atMs - before.atMs : 0;
    const rate = (now: number | undefined, then: number | undefined): number | undefined => {
      // Counts further apart give a mean of the past, not a current rate.
      const isKnown = now !== undefined && then !== undefined && elapsedMs > 0 && elapsedMs <= 60_000;
      return isKnown && now >= then ? Math.round(((now - then) * 8_000) / elapsedMs) : undefined;
    };
    return counts.map(({ name, addresses, receivedBytes, sentBytes }) => {
      const former = before?.byName.get(name);
      return {
        name,
        addresses,
        inboundBitrate: rate(receivedBytes, former?.receivedBytes),
        outboundBitrate: rate(sentBytes, former?.sentBytes),
      };
    });
  }
}
