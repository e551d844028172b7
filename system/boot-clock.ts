import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../agent/base/clock.ts';
import { asksTimedate, isPlausible, readClockSigns } from './clock-signs.ts';

const CHECK_MS = 1_000;
/** NTP slews by half a millisecond in a second: what moves the clock by so much between two looks has set it. */
const STEP_MS = 1_000;
/** While the clock is not believed, signs are looked for this often; a program is asked less often. */
const SIGNS_EVERY_CHECKS = 5;
const TIMEDATE_EVERY_CHECKS = 30;

export interface MachineClockOptions {
  readonly clock: Pick<Clock, 'wallMs' | 'every'>;
  /** Keeps what is known of this start of the machine, so that Perch knows it when it is started again. */
  readonly memoryFile?: string;
  /** Where the system's files are. */
  readonly root?: string;
  readonly monoUs?: () => number;
  readonly isSynchronized?: () => Promise<boolean>;
}

/** What is kept between starts of Perch. */
interface Memory {
  readonly bootId: string;
  /** Wall clock minus monotonic clock. */
  readonly offsetMs: number;
  readonly isSet: boolean;
}

/**
 * The machine's clocks: which start of the machine this is, how long ago it was, and whether what the wall clock says is a time.
 *
 * The wall clock is believed when it shows a time between this version's year and 2100, and one of these holds:
 *  - a clock with a battery agrees with it, or a mark says that it was set from the network (`clock-signs.ts`);
 *  - systemd says that it is synchronized;
 *  - it was stepped since the machine was started: somebody has set it;
 *  - nothing speaks against it: at once on a PC and in its containers, after ten minutes of the machine's running in a container
 *    elsewhere, after a day on a board without a clock of its own.
 * Once believed it stays so until the machine is started again, as long as its time is possible.
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

  /** Looks at the clock: who asks right after it was set is told so, before the next second. */
  get isTrusted(): boolean {
    this.#follow();
    return this.#isBelieved;
  }

  /** Looks at the clock every second until `close`. */
  begin(): void {
    this.#save();
    this.#stop = this.#options.clock.every(CHECK_MS, () => this.check());
  }

  /** Resolves when what is known has been written down. */
  async close(): Promise<void> {
    this.#stop();
    await this.#saving;
  }

  /** The wall clock was set forward (`deltaMs` > 0) or back by more than a second. @returns ends it */
  onStep(listener: (deltaMs: number) => void): () => void {
    this.#onStep.add(listener);
    return () => this.#onStep.delete(listener);
  }

  /** The clock was not believed and now is. @returns ends it */
  onTrusted(listener: () => void): () => void {
    this.#onTrusted.add(listener);
    return () => this.#onTrusted.delete(listener);
  }

  /** Compares the two clocks. Costs two readings of time while all is well. */
  check(): void {
    this.#follow();
    if (!this.#isSet) {
      if (this.#checks % SIGNS_EVERY_CHECKS === 0) {
        this.#lookForSigns();
      }
      if (!this.#isSet && this.#checks % TIMEDATE_EVERY_CHECKS === 0) {
        this.#ask();
      }
      this.#checks += 1;
      this.#tellTrust();
    }
  }

  get #isBelieved(): boolean {
    return this.#isSet && isPlausible(this.#options.clock.wallMs());
  }

  #follow(): void {
    const offsetMs = this.#measure();
    const deltaMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
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
    const wallMs = this.#options.clock.wallMs();
    if (!this.#isSet && isPlausible(wallMs)) {
      this.#isSet = !readClockSigns(this.#root, wallMs).stepsProveNothing;
    }
    return true;
  }

  #lookForSigns(): void {
    const wallMs = this.#options.clock.wallMs();
    if (this.#isSet || !isPlausible(wallMs)) {
      return;
    }
    const { isSet, patienceMs } = readClockSigns(this.#root, wallMs);
    this.#isSet = isSet || this.#monoUs() / 1000 >= patienceMs;
  }

  #ask(): void {
    if (this.#isAsking || !isPlausible(this.#options.clock.wallMs())) {
      return;
    }
    this.#isAsking = true;
    const ask = this.#options.isSynchronized ?? (() => asksTimedate(this.#root));
    void ask().then((isSynchronized) => {
      this.#isAsking = false;
      this.#isSet ||= isSynchronized;
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
    const memory: Memory = { bootId: this.bootId, offsetMs: Math.round(this.#offsetMs), isSet: this.#isSet };
    // One after the other. What cannot be kept costs nothing but looking for signs again.
    this.#saving = this.#saving
      .then(() => writeFile(`${file}.new`, `${JSON.stringify(memory)}\n`))
      .then(() => rename(`${file}.new`, file))
      .catch(() => {});
  }
}

function tell<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
  for (const listener of listeners) {
    listener(value);
  }
}

/** Linux counts from the start of the machine, without the time it slept; so do others, as far as it matters with an id for each process. */
const machineMonoUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** Elsewhere than on Linux each start of Perch counts as one of the machine: nothing is known of another's monotonic times. */
function readBootId(root: string): string {
  try {
    const id = readFileSync(join(root, 'proc/sys/kernel/random/boot_id'), 'utf8')
      .trim()
      .replaceAll('-', '')
      .toLowerCase();
    if (/^[0-9a-f]{32}$/.test(id)) {
      return id;
    }
  } catch {}
  return randomUUID().replaceAll('-', '');
}

function loadMemory(file: string | undefined): Memory | undefined {
  try {
    const { bootId, offsetMs, isSet } = JSON.parse(readFileSync(file ?? '', 'utf8'));
    return typeof bootId === 'string' && Number.isFinite(offsetMs) && typeof isSet === 'boolean'
      ? { bootId, offsetMs, isSet }
      : undefined;
  } catch {
    return undefined;
  }
}
