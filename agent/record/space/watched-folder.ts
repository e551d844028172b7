import { type Clock, endsWithin } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import { isDiskFailing, unlessFileFault } from '../file/disk-fault.ts';
import type { DiskProbe, DiskReading } from './disk-probe.ts';
import { type DiskState, OK } from './disk-state.ts';

/** A disk that has not answered after this time counts as hanging, unless Perch was busy for most of it. */
const ANSWER_MS = 5_000;
/** A recorder retries within ten seconds: a fault that does not recur is over. */
const FAULT_LASTS_MS = 15_000;
/** A fault is also over after recording for this long: a full disk accepts the first bytes of many files. */
const RECOVERY_MS = 3_000;

export class WatchedFolder {
  readonly folder: string;
  state: DiskState = OK;
  /** Unix time. */
  sinceMs: number;
  /** The last answer, if there is one yet. */
  last: DiskReading | undefined;
  fault: { readonly isHanging: boolean; readonly text: string } | undefined;
  /** Something was recorded: the disk needs a mark. */
  wantsMark = false;
  readonly #clock: Clock;
  #asking: Promise<void> | undefined;
  #fullMs = Number.NEGATIVE_INFINITY;
  #failingMs = Number.NEGATIVE_INFINITY;
  #openedMs = Number.NEGATIVE_INFINITY;

  constructor(folder: string, clock: Clock) {
    this.folder = folder;
    this.#clock = clock;
    this.sinceMs = clock.wallMs();
  }

  /** Resolves with the answer or after a timeout; a hanging query is not repeated. */
  async ask(probe: DiskProbe): Promise<void> {
    this.#asking ??= this.#ask(probe);
    const beforeMs = this.#clock.idleMs();
    const isAnswered = await endsWithin(this.#clock, ANSWER_MS, this.#asking);
    if (!isAnswered && this.#clock.idleMs() - beforeMs >= ANSWER_MS / 2) {
      this.fault = { isHanging: true, text: 'the disk does not answer: check it, its cable or its network' };
    }
  }

  holds(file: string): boolean {
    return file.startsWith(this.folder === '/' ? '/' : `${this.folder}/`);
  }

  opened(): void {
    this.wantsMark = true;
    this.#openedMs = this.#clock.monoMs();
  }

  failed(code: string): void {
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      this.#fullMs = this.#clock.monoMs();
    } else if (isDiskFailing(code)) {
      this.#failingMs = this.#clock.monoMs();
    }
  }

  get wasFull(): boolean {
    return this.#lasts(this.#fullMs);
  }

  get isFailing(): boolean {
    return this.#lasts(this.#failingMs);
  }

  #lasts(faultMs: number): boolean {
    const nowMs = this.#clock.monoMs();
    const isOver = this.#openedMs > faultMs && nowMs - this.#openedMs >= RECOVERY_MS;
    return nowMs - faultMs < FAULT_LASTS_MS && !isOver;
  }

  async #ask(probe: DiskProbe): Promise<void> {
    try {
      this.last = await probe.read(this.folder);
      this.fault = undefined;
    } catch (error) {
      unlessFileFault(error);
      this.fault = { isHanging: false, text: `the disk reports an error: check it and its cable (${explain(error)})` };
    } finally {
      this.#asking = undefined;
    }
  }
}
