import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock } from '../../agent/base/clock.ts';
import { explain, PerchError } from '../../agent/base/errors.ts';
import type { PackageName } from '../update/manifest.ts';
import type { Machine } from './debian.ts';

/**
 * Limit for all calls of dpkg, waits included: systemd ends an updater after half an hour, part of which it may have
 * waited for another one.
 */
export const RUN_MS = 1_500_000;
/** The same limit at boot, while Perch waits for it. */
export const START_MS = 300_000;
export const RETRY_MS = 6_000;
/** A Node on a slow card takes two minutes. */
const INSTALL_MS = 600_000;
/** Packages of others, whose scripts may hang. Ours are installed without those, too. */
const CONFIGURE_MS = 120_000;

interface PackagesDeps {
  readonly machine: Pick<Machine, 'install' | 'configureAll' | 'versionOf'>;
  readonly clock: Pick<Clock, 'monoMs' | 'sleep'>;
  say(text: string): void;
}

/** Calls of dpkg, which may hang, within the time that is left. */
export class Packages {
  readonly #deps: PackagesDeps;
  readonly #hold: string;
  #endMs: number;

  /** @param hold file: while it exists, the packages' scripts do not start Perch */
  constructor(deps: PackagesDeps, hold: string) {
    this.#deps = deps;
    this.#hold = hold;
    this.#endMs = deps.clock.monoMs() + RUN_MS;
  }

  endWithin(ms: number): void {
    this.#endMs = this.#deps.clock.monoMs() + ms;
  }

  /** @param patienceMs how long to wait for another installer @throws PerchError conflict, timeout */
  install(files: readonly string[], patienceMs: number): Promise<void> {
    return this.#whenFree(() => this.#deps.machine.install(files, this.#limit(INSTALL_MS)), patienceMs);
  }

  /** Also after a power cut left packages half installed. */
  putBack(files: readonly string[], patienceMs: number): Promise<void> {
    return this.#whenFree(async () => {
      await this.#configure();
      await this.#deps.machine.install(files, this.#limit(INSTALL_MS));
    }, patienceMs);
  }

  /** Installs the half-installed of these packages. @returns whether there were any */
  async makeWhole(files: readonly string[]): Promise<boolean> {
    const { machine } = this.#deps;
    const half: string[] = [];
    await this.#held(async () => {
      await this.#configure();
      for (const file of files) {
        if ((await machine.versionOf(packageName(file))) === undefined) {
          half.push(file);
        }
      }
      if (half.length > 0) {
        await machine.install(half, this.#limit(INSTALL_MS));
      }
    });
    return half.length > 0;
  }

  async #configure(): Promise<void> {
    try {
      await this.#deps.machine.configureAll(this.#limit(CONFIGURE_MS));
    } catch (error) {
      this.#deps.say(explain(error));
    }
  }

  /** @throws PerchError timeout when no time is left */
  #limit(maxMs: number): number {
    const leftMs = this.#endMs - this.#deps.clock.monoMs();
    if (leftMs <= 0) {
      throw new PerchError('timeout', 'there is no time left for dpkg');
    }
    return Math.min(maxMs, leftMs);
  }

  async #whenFree(work: () => Promise<void>, patienceMs: number): Promise<void> {
    const { clock, say } = this.#deps;
    const endMs = Math.min(clock.monoMs() + patienceMs, this.#endMs - RETRY_MS);
    for (;;) {
      try {
        return await this.#held(work);
      } catch (error) {
        if (!isBusy(error) || clock.monoMs() >= endMs) {
          throw error;
        }
        say(explain(error));
        await clock.sleep(RETRY_MS, new AbortController().signal);
      }
    }
  }

  /** Keeps the packages' scripts from starting Perch: at boot each would wait for the other. */
  async #held(work: () => Promise<void>): Promise<void> {
    mkdirSync(dirname(this.#hold), { recursive: true });
    writeFileSync(this.#hold, '');
    try {
      await work();
    } finally {
      rmSync(this.#hold, { force: true });
    }
  }
}

const packageName = (file: string): PackageName => (basename(file).startsWith('perch-node_') ? 'perch-node' : 'perch');

export const isBusy = (error: unknown): boolean => error instanceof PerchError && error.code === 'conflict';

/** dpkg hangs, or no time is left. */
export const isTooLong = (error: unknown): boolean => error instanceof PerchError && error.code === 'timeout';
