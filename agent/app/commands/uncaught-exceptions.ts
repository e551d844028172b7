import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../features/contract.ts';

/** EX_SOFTWARE of sysexits.h: Perch ends because of a bug, and its supervisor restarts it. */
export const FAULT_CODE = 70;

/** Time to finish recordings, so that they continue within two seconds. */
const MAX_FINISH_MS = 1_000;
/** Pauses of the starts after the second, third … exception in a row; the last one repeats. */
const WAITS_MS = [0, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000] as const;
/** After this time without an exception the count starts over. */
const CALM_MS = 10 * 60_000;

export interface UncaughtExceptionsDeps extends Pick<Host, 'dataDir' | 'clock' | 'log'> {
  finish(): Promise<void>;
  exit(code: number): void;
}

/**
 * Handles uncaught exceptions: the program's state is unknown afterwards, so it logs, finishes open recordings and exits; systemd, procd or
 * start.sh restarts it. Repeated exceptions delay the starts.
 */
export class UncaughtExceptions {
  readonly #deps: UncaughtExceptionsDeps;
  readonly #file: string;
  readonly #stop = new AbortController();
  /** Number of exceptions in this process. */
  #taken = 0;
  /** Number of consecutive exceptions, across restarts. */
  #inARow = 0;

  constructor(deps: UncaughtExceptionsDeps) {
    this.#deps = deps;
    this.#file = join(deps.dataDir, 'stray-exceptions.json');
  }

  /** Delays the start after exceptions of the last runs. @param ended ends the delay */
  async begin(ended: Promise<unknown>): Promise<void> {
    const { clock, log } = this.#deps;
    this.#inARow = await this.#load();
    if (this.#inARow === 0) {
      return;
    }
    const waitMs = WAITS_MS[Math.min(this.#inARow, WAITS_MS.length) - 1] ?? 0;
    log.warn({ inARow: this.#inARow, waitMs }, 'restarted after an uncaught exception');
    const over = new AbortController();
    await Promise.race([clock.sleep(waitMs, over.signal), ended]);
    over.abort();
    void clock.sleep(CALM_MS, this.#stop.signal).then(() => (this.#stop.signal.aborted ? undefined : this.#forget()));
  }

  take(error: unknown, origin: string): void {
    this.#taken += 1;
    // A timer that throws each time must not fill the log.
    if (this.#taken <= 10) {
      this.#deps.log.error({ err: error, origin }, 'uncaught exception: finishing recordings and restarting');
    }
    if (this.#taken === 1) {
      this.#stop.abort();
      void this.#end();
    }
  }

  /** A regular end. */
  async ended(): Promise<void> {
    this.#stop.abort();
    if (this.#inARow > 0) {
      await this.#forget();
    }
  }

  async #end(): Promise<void> {
    const { clock, log, exit } = this.#deps;
    const over = new AbortController();
    const late = clock.sleep(MAX_FINISH_MS, over.signal).then(() => {
      if (!over.signal.aborted) {
        log.error({ limitMs: MAX_FINISH_MS }, 'finishing recordings timed out');
      }
    });
    await Promise.race([Promise.all([this.#finish(), this.#save()]), late]);
    over.abort();
    exit(FAULT_CODE);
  }

  async #finish(): Promise<void> {
    try {
      await this.#deps.finish();
    } catch (error) {
      this.#deps.log.error({ err: error }, 'finishing recordings failed');
    }
  }

  async #load(): Promise<number> {
    try {
      const { inARow } = JSON.parse(await readFile(this.#file, 'utf8')) as { readonly inARow?: unknown };
      return typeof inARow === 'number' && inARow > 0 ? inARow : 0;
    } catch {
      // Missing, or torn by a power cut: the next exception counts as the first.
      return 0;
    }
  }

  async #save(): Promise<void> {
    await writeFile(this.#file, JSON.stringify({ inARow: this.#inARow + 1 })).catch((error: unknown) => {
      this.#deps.log.error({ err: error }, 'saving the count of exceptions failed');
    });
  }

  async #forget(): Promise<void> {
    this.#inARow = 0;
    await rm(this.#file, { force: true }).catch(() => {});
  }
}
