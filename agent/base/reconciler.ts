import { explain } from './errors.ts';
import type { Logger } from './log.ts';

/** Why a part ends: it starts again with other settings, it is switched off, or everything ends. */
export type EndCause = 'changed' | 'off' | 'end';

/** A part of the product that runs as long as the settings that it depends on stay the same. */
export interface Part<C> {
  /** For the log, such as `HLS server`. */
  readonly name: string;
  /** The part before it without which it cannot be: while that one does not run, this one waits and says nothing. */
  readonly needs?: string;
  /** Nobody has asked for it: that it cannot start is a warning. */
  isOptional?(config: C): boolean;
  /** What it depends on, as plain data; undefined: it is switched off. */
  settings(config: C): unknown;
  /** @returns what ends it */
  start(config: C): Promise<Stop>;
  /** Takes changed settings while it runs; false or absent: it has to restart. */
  reload?(config: C): boolean | Promise<boolean>;
}

type Stop = (cause: EndCause) => Promise<void> | void;

interface Running {
  key: string;
  readonly stop: Stop;
}

/**
 * Brings the parts to what a configuration says, with the fewest stops and starts. A part that cannot start
 * (a port that is taken) is one line in the log, is tried again by `retry`, and does not hold up the others.
 */
export class Reconciler<C> {
  readonly #parts: readonly Part<C>[];
  readonly #log: Logger;
  readonly #running = new Map<string, Running>();
  /** Why they do not run; empty: because another part does not. */
  readonly #failures = new Map<string, string>();
  #config: C | undefined;

  /** @param parts in the order of their start: each may use those before it */
  constructor(parts: readonly Part<C>[], log: Logger) {
    this.#parts = parts;
    this.#log = log;
  }

  async apply(config: C): Promise<void> {
    this.#config = config;
    for (const part of this.#parts.toReversed()) {
      const running = this.#running.get(part.name);
      const key = keyOf(part, config);
      if (running && running.key !== key && !(await reloaded(part, running, key, config))) {
        await this.#end(part.name, running, key === undefined ? 'off' : 'changed');
      }
    }
    for (const part of this.#parts) {
      await this.#bring(part, config);
    }
  }

  /** Starts what could not start before. */
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

  /** What does not end well must not keep the others, least of all open recordings, from their end. */
  async #end(name: string, { stop }: Running, cause: EndCause): Promise<void> {
    this.#running.delete(name);
    try {
      await stop(cause);
    } catch (error) {
      this.#log.error({ part: name, err: error }, 'did not end well, the rest goes on');
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
        this.#log.info({ part: part.name }, 'is there now');
      }
    } catch (error) {
      const reason = explain(error);
      if (this.#failures.get(part.name) !== reason) {
        const level = part.isOptional?.(config) ? 'warn' : 'error';
        this.#log[level]({ part: part.name, reason }, 'cannot start, the rest goes on');
      }
      this.#failures.set(part.name, reason);
    }
  }
}

async function reloaded<C>(part: Part<C>, running: Running, key: string | undefined, config: C): Promise<boolean> {
  const isDone = key !== undefined && (await part.reload?.(config)) === true;
  if (isDone) {
    running.key = key;
  }
  return isDone;
}

function keyOf<C>(part: Part<C>, config: C): string | undefined {
  const settings = part.settings(config);
  return settings === undefined ? undefined : JSON.stringify(settings);
}
