import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { explain, rethrowUnexpected } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { signatureOf } from './file.ts';

/** Delay after a change, because editors write a file in several steps. */
const SETTLE_MS = 50;
/** Poll interval, for folders without change events (network shares) and for links whose target changes. */
const POLL_MS = 3_000;

/**
 * Calls `onChange` after the file changed, appeared, or was replaced; sometimes without a change.
 * Watches the parent folder, because editors replace the file.
 */
export class FileWatch {
  readonly #fileOf: () => string | undefined;
  readonly #onChange: () => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #stopPolling: () => void;
  #folder: { readonly name: string; readonly watcher: FSWatcher | undefined } | undefined;
  #signature: string | undefined;
  #isSettling = false;
  #reported = '';

  /** @param fileOf names the file to watch; while it returns undefined, `onChange` is called at each poll to look for one */
  constructor(fileOf: () => string | undefined, onChange: () => Promise<void>, clock: Clock, log: Logger) {
    this.#fileOf = fileOf;
    this.#onChange = onChange;
    this.#clock = clock;
    this.#log = log;
    this.#stopPolling = clock.every(POLL_MS, () => this.#check());
    this.#watchFolder();
  }

  close(): void {
    this.#stop.abort();
    this.#stopPolling();
    this.#folder?.watcher?.close();
  }

  #watchFolder(): void {
    const file = this.#fileOf();
    const name = file === undefined ? undefined : dirname(file);
    if (name === undefined || name === this.#folder?.name || this.#stop.signal.aborted) {
      return;
    }
    this.#folder?.watcher?.close();
    this.#folder = { name, watcher: this.#openWatcher(name) };
  }

  #openWatcher(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, { persistent: false }, (_, changed) => this.#onEvent(changed));
      watcher.on('error', (error) => this.#pollOnly(folder, error));
      return watcher;
    } catch (error) {
      this.#pollOnly(folder, error);
      return undefined;
    }
  }

  #pollOnly(folder: string, error: unknown): void {
    this.#log.warn({ folder, pollMs: POLL_MS, cause: explain(error) }, 'cannot watch folder, polling instead');
  }

  #onEvent(changed: string | null): void {
    const file = this.#fileOf();
    // A mounted Kubernetes volume changes the link `..data` next to the file.
    const isOurs = changed === null || changed.startsWith('..') || (file !== undefined && changed === basename(file));
    if (isOurs && !this.#isSettling) {
      this.#isSettling = true;
      this.#settle();
    }
  }

  async #settle(): Promise<void> {
    await this.#clock.sleep(SETTLE_MS, this.#stop.signal);
    this.#isSettling = false;
    await this.#check();
  }

  async #check(): Promise<void> {
    try {
      const file = this.#fileOf();
      const signature = file === undefined ? undefined : await signatureOf(file);
      const hasChanged = file === undefined || signature !== this.#signature;
      this.#signature = signature;
      if (hasChanged && !this.#stop.signal.aborted) {
        await this.#onChange();
        this.#watchFolder();
      }
    } catch (error) {
      rethrowUnexpected(error);
      this.#report(explain(error));
    }
  }

  /** Once, not at every poll. */
  #report(cause: string): void {
    if (cause !== this.#reported) {
      this.#reported = cause;
      this.#log.warn({ cause }, 'cannot read the configuration file');
    }
  }
}
