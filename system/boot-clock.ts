import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../agent/base/clock.ts';
import { replaceFile } from '../agent/base/files/durable-file.ts';
import {
  ClockPlausibility,
  type ClockReading,
  type DateDoubt,
  type DateMemory,
  readDateMemory,
} from './clock-plausibility.ts';
import { asksTimedate, isPlausible, readClockSigns } from './clock-signs.ts';

/** NTP slews by at most 0.5 ms per second: a larger move between two checks is a step. */
const STEP_MS = 1_000;
/** How often files are read for signs while the clock is not trusted. A program is run less often. */
const SIGNS_EVERY_CHECKS = 5;
const TIMEDATE_EVERY_CHECKS = 30;
/** The date is saved at most this often: the data folder may be on an SD card. */
const SAVE_MS = 10 * 60_000;
/** A mark's time may be slightly ahead of the clock that was read. */
const MARK_AHEAD_MS = 60_000;
/** The monotonic clock stops while the box sleeps. */
const MARK_SLEEP_MS = 86_400_000;

interface MachineClockOptions {
  readonly clock: Pick<Clock, 'wallMs' | 'eachSecond'>;
  readonly memoryFile?: string;
  readonly root?: string;
  readonly monoUs?: () => number;
  readonly isSynchronized?: () => Promise<boolean>;
}

/** The state stored between starts of Perch. */
interface Memory extends DateMemory {
  readonly bootId: string;
  /** Wall clock minus monotonic clock. */
  readonly offsetMs: number;
  readonly isSet: boolean;
}

/**
 * The box's clocks: the identity and age of this boot, and whether the wall clock can be trusted.
 *
 * The wall clock is trusted when it shows a time between this version's year and 2100, and one of these holds:
 *  - a battery-backed clock agrees with it, or a mark shows that it was set from the network (`clock-signs.ts`);
 *  - systemd reports it as synchronized;
 *  - it was stepped since boot;
 *  - nothing contradicts it: at once on a PC and in its containers, after ten minutes of uptime in a container
 * elsewhere, after a day on a board without a battery-backed clock.
 * It stays trusted until the next boot as long as its time is plausible and does not jump. A date more than seven days
 * ahead of the last trusted one, here or in an earlier boot, or more than a day behind it, is in doubt
 * (`clock-plausibility.ts`) until the network, systemd or the owner's mark confirms it. A battery-backed clock does
 * not: it may have the same error.
 */
export class MachineClock {
  readonly bootId: string;
  readonly #options: MachineClockOptions;
  readonly #root: string;
  readonly #monoUs: () => number;
  readonly #onStep = new Set<(deltaMs: number) => void>();
  readonly #onTrusted = new Set<() => void>();
  #offsetMs: number;
  #isSet = false;
  readonly #date: ClockPlausibility;
  #savedMonoMs = 0;
  #wasTrusted: boolean;
  #checks = 0;
  #isAsking = false;
  #saving: Promise<void> = Promise.resolve();
  #stop = (): void => {};

  constructor(options: MachineClockOptions) {
    this.#options = options;
    this.#root = options.root ?? '/';
    this.#monoUs = options.monoUs ?? machineMonoUs;
    this.bootId = readBootId(this.#root);
    this.#offsetMs = this.#measure();
    const memory = loadMemory(options.memoryFile);
    const nothing = { believed: undefined, doubted: undefined };
    this.#date = new ClockPlausibility(this.bootId, memory ?? nothing, this.#now());
    if (memory?.bootId === this.bootId) {
      this.#isSet = memory.isSet;
      this.#noticeStep(this.#offsetMs - memory.offsetMs);
    }
    this.#lookForSigns();
    this.#wasTrusted = this.#isBelieved;
  }

  monoUs(): number {
    return Math.round(this.#monoUs());
  }

  /** Checks the clock first, so a step just before the call counts. */
  get isTrusted(): boolean {
    this.#follow();
    return this.#isBelieved;
  }

  /** Why the date is in doubt; while it is, nothing expires by age. Checks the clock first, as `isTrusted` does. */
  get doubt(): DateDoubt | undefined {
    this.#follow();
    return isPlausible(this.#options.clock.wallMs()) ? this.#date.doubt : undefined;
  }

  /** Whether new recordings get later names than earlier ones. True also for a clock that is set but ahead. */
  get isInOrder(): boolean {
    const isAhead = this.doubt?.kind === 'ahead';
    return isAhead ? this.#isSet && isPlausible(this.#options.clock.wallMs()) : this.#isBelieved;
  }

  /** Checks the clock every second until `close`. */
  begin(): void {
    this.#save();
    this.#stop = this.#options.clock.eachSecond(() => this.check());
  }

  /** Resolves when the state has been saved. */
  async close(): Promise<void> {
    this.#stop();
    this.#save();
    await this.#saving;
  }

  /** Called when the wall clock was stepped forward (`deltaMs` > 0) or back by more than a second. @returns removes the listener */
  onStep(listener: (deltaMs: number) => void): () => void {
    this.#onStep.add(listener);
    return () => this.#onStep.delete(listener);
  }

  /** Called when the clock has become trusted. @returns removes the listener */
  onTrusted(listener: () => void): () => void {
    this.#onTrusted.add(listener);
    return () => this.#onTrusted.delete(listener);
  }

  /** Compares the two clocks. While nothing is wrong, it only reads each of them once. */
  check(): void {
    this.#follow();
    if (this.#isOpen) {
      if (this.#checks % SIGNS_EVERY_CHECKS === 0) {
        this.#lookForSigns();
      }
      if (this.#isOpen && this.#checks % TIMEDATE_EVERY_CHECKS === 0) {
        this.#ask();
      }
      this.#checks += 1;
      this.#tellTrust();
    }
    if (this.#now().monoMs - this.#savedMonoMs >= SAVE_MS) {
      this.#save();
    }
  }

  get #isOpen(): boolean {
    return !this.#isSet || this.#date.doubt !== undefined;
  }

  get #isBelieved(): boolean {
    const { doubt } = this.#date;
    return this.#isSet && isPlausible(this.#options.clock.wallMs()) && (!doubt || doubt.kind === 'new');
  }

  #now(): ClockReading {
    return { wallMs: this.#options.clock.wallMs(), monoMs: this.#monoUs() / 1000 };
  }

  #follow(): void {
    const offsetMs = this.#measure();
    const deltaMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    this.#date.observe(this.#now());
    if (this.#noticeStep(deltaMs)) {
      this.#save();
      tell(this.#onStep, deltaMs);
    }
    this.#tellTrust();
  }

  #measure(): number {
    return this.#options.clock.wallMs() - this.#monoUs() / 1000;
  }

  #noticeStep(deltaMs: number): boolean {
    if (Math.abs(deltaMs) <= STEP_MS) {
      return false;
    }
    const now = this.#now();
    const wasNone = !isPlausible(now.wallMs - deltaMs);
    if (isPlausible(now.wallMs) && (!this.#isSet || wasNone)) {
      const isProof = !readClockSigns(this.#root, now.wallMs).stepsProveNothing;
      this.#isSet ||= isProof;
      // From an implausible time to a plausible one: the clock was set.
      if (isProof && wasNone) {
        this.#date.believe(now);
      }
    }
    return true;
  }

  #lookForSigns(): void {
    const now = this.#now();
    if (!this.#isOpen || !isPlausible(now.wallMs)) {
      return;
    }
    const { isSet, markedMs, patienceMs } = readClockSigns(this.#root, now.wallMs);
    this.#isSet ||= isSet || now.monoMs >= patienceMs;
    if (markedMs.some((markMs) => this.#confirms(now.wallMs - markMs, now.monoMs))) {
      this.#date.believe(now);
    }
  }

  /** The mark was made in this boot and after the last step: an older one confirms the former date. */
  #confirms(markAgeMs: number, upMs: number): boolean {
    const jumpMs = this.#date.doubt?.jumpMs ?? Infinity;
    return markAgeMs >= -MARK_AHEAD_MS && markAgeMs <= upMs + MARK_SLEEP_MS && markAgeMs < jumpMs - MARK_AHEAD_MS;
  }

  #ask(): void {
    if (this.#isAsking || !isPlausible(this.#options.clock.wallMs())) {
      return;
    }
    this.#isAsking = true;
    const ask = this.#options.isSynchronized ?? (() => asksTimedate(this.#root));
    void ask().then((isSynchronized) => {
      this.#isAsking = false;
      const now = this.#now();
      if (isSynchronized && isPlausible(now.wallMs)) {
        this.#isSet = true;
        this.#date.believe(now);
        this.#save();
      }
      this.#tellTrust();
    });
  }

  #tellTrust(): void {
    const isTrusted = this.#isBelieved;
    if (isTrusted !== this.#wasTrusted) {
      this.#wasTrusted = isTrusted;
      this.#save();
      if (isTrusted) {
        tell(this.#onTrusted, undefined);
      }
    }
  }

  #save(): void {
    const file = this.#options.memoryFile;
    if (file === undefined) {
      return;
    }
    this.#savedMonoMs = this.#now().monoMs;
    const offsetMs = Math.round(this.#offsetMs);
    const memory: Memory = { bootId: this.bootId, offsetMs, isSet: this.#isSet, ...this.#date.memory() };
    // One save at a time. After a failed save, signs are searched again at the next start.
    this.#saving = this.#saving.then(() => replaceFile(file, `${JSON.stringify(memory)}\n`)).catch(() => {});
  }
}

function tell<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
  for (const listener of listeners) {
    listener(value);
  }
}

/** Monotonic microseconds. Linux counts them from boot, without the time the machine slept. */
const machineMonoUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** Outside Linux each start of Perch counts as a boot: monotonic times of an earlier process mean nothing. */
function readBootId(root: string): string {
  try {
    const text = readFileSync(join(root, 'proc/sys/kernel/random/boot_id'), 'utf8');
    const id = text.trim().replaceAll('-', '').toLowerCase();
    if (/^[0-9a-f]{32}$/.test(id)) {
      return id;
    }
  } catch {}
  return randomUUID().replaceAll('-', '');
}

function loadMemory(file: string | undefined): Memory | undefined {
  try {
    const { bootId, offsetMs, isSet, ...date } = JSON.parse(readFileSync(file ?? '', 'utf8'));
    return typeof bootId === 'string' && Number.isFinite(offsetMs) && typeof isSet === 'boolean'
      ? { bootId, offsetMs, isSet, ...readDateMemory(date) }
      : undefined;
  } catch {
    return undefined;
  }
}
