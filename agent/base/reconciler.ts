import { explain } from './errors.ts';
import type { Logger } from './log.ts';

/** Why a part stops: changed settings, switched off, or the program ends. */
export type EndCause = 'changed' | 'off' | 'end';

/** A component that runs while its settings stay the same. */
export interface Part<C> {
  /** For the log, such as `HLS server`. */
  readonly name: string;
  /** An earlier part that it requires: while that one does not run, this one waits silently. */
  readonly needs?: string;
  /** Not requested explicitly: a failed start is only a warning. */
  isOptional?(config: C): boolean;
  /** The settings that it depends on; undefined: switched off. */
  settings(config: C): unknown;
  /** @returns the stop function */
  start(config: C): Promise<Stop>;
  /** Applies changed settings while running; false or absent: restart. */
  reload?(config: C): boolean | Promise<boolean>;
}

type Stop = (cause: EndCause) => Promise<void> | void;

interface Running {
  key: string;
  readonly stop: Stop;
}

/**
 * Starts and stops parts by the configuration, with the fewest changes. A part that fails to start (a port that is in use) is logged once,
 * retried by `retry`, and does not affect the others.
 */
export class Reconciler<C> {
  readonly #parts: readonly Part<C>[];
  readonly #log: Logger;
  readonly #running = new Map<string, Running>();
  /** Reasons of parts that do not run; empty: a required part does not run. */
  readonly #failures = new Map<string, string>();
  #config: C | undefined;

  /** @param parts in start order: each may use earlier ones */
  constructor(parts: readonly Part<C>[], log: Logger) {
    this.#parts = parts;
    this.#log = log;
  }

  async apply(config: C): Promise<void> {
    this.#config = config;
    for (const part of this.#parts.toReversed()) {
      const running = this.#running.get(part.name);
      const key = keyOf(part, config);
      if (running && running.key !== key && !(await this.#reload(part, running, key, config))) {
        await this.#end(part.name, running, key === undefined ? 'off' : 'changed');
      }
    }
    for (const part of this.#parts) {
      await this.#bring(part, config);
    }
  }

  /** Starts parts that failed to start. */
  async retry(): Promise<void> {
    const config = this.#config;
    for (const part of this.#parts) {
      if (config !== undefined && this.#failures.has(part.name)) {
        await this.#bring(part, config);
      }
    }
  }

  isRunning(name: string): boolean {
    return this.#running.has(name);
  }

  async close(): Promise<void> {
    this.#config = undefined;
    for (const part of this.#parts.toReversed()) {
      const running = this.#running.get(part.name);
      if (running) {
        await this.#end(part.name, running, 'end');
      }
    }
  }

  /** @returns whether the part took the configuration without a restart */
  async #reload(part: Part<C>, running: Running, key: string | undefined, config: C): Promise<boolean> {
    if (key === undefined) {
      return false;
    }
    try {
      const isDone = (await part.reload?.(config)) === true;
      running.key = isDone ? key : running.key;
      return isDone;
    } catch (error) {
      this.#log.error({ part: part.name, err: error }, 'failed to take its configuration; it is started again');
      return false;
    }
  }

  /** A failure must not keep other parts, least of all open recordings, from stopping. */
  async #end(name: string, { stop }: Running, cause: EndCause): Promise<void> {
    this.#running.delete(name);
    try {
      await stop(cause);
    } catch (error) {
      this.#log.error({ part: name, err: error }, 'failed to stop; other components are unaffected');
    }
  }

  async #bring(part: Part<C>, config: C): Promise<void> {
    const key = keyOf(part, config);
    if (key === undefined || this.#running.has(part.name)) {
      this.#failures.delete(part.name);
      return;
    }
    if (part.needs !== undefined && !this.#running.has(part.needs)) {
      this.#failures.set(part.name, '');
      return;
    }
    try {
      this.#running.set(part.name, { key, stop: await part.start(config) });
      const failure = this.#failures.get(part.name);
      this.#failures.delete(part.name);
      if (failure) {
        this.#log.info({ part: part.name }, 'started after an earlier failure');
      }
    } catch (error) {
      const reason = explain(error);
      if (this.#failures.get(part.name) !== reason) {
        const level = part.isOptional?.(config) ? 'warn' : 'error';
        this.#log[level]({ part: part.name, reason }, 'failed to start; other components are unaffected');
      }
      this.#failures.set(part.name, reason);
    }
  }
}

function keyOf<C>(part: Part<C>, config: C): string | undefined {
  const settings = part.settings(config);
  return settings === undefined ? undefined : JSON.stringify(settings);
}
