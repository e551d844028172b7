import { explain } from './errors.ts';
import type { Logger } from './log.ts';

/** Why a component stops: changed settings, switched off, or the program ends. */
export type EndCause = 'changed' | 'off' | 'end';

/** A component that runs while its settings stay the same. */
export interface Component<C> {
  /** For the log, such as `HLS server`. */
  readonly name: string;
  /** An earlier component that it requires: it waits silently while that one does not run. */
  readonly needs?: string;
  /** Not requested explicitly: a failed start is only a warning. */
  isOptional?(config: C): boolean;
  /** The settings that it depends on, or undefined if it is switched off. */
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
 * Starts and stops components by the configuration, with the fewest changes. A component that fails to start (its port is
 * in use) is logged once, retried by `retry`, and does not affect the others.
 */
export class Reconciler<C> {
  readonly #components: readonly Component<C>[];
  readonly #log: Logger;
  readonly #running = new Map<string, Running>();
  /** Reasons of components that do not run; empty: a required component does not run. */
  readonly #failures = new Map<string, string>();
  #config: C | undefined;

  /** @param components in start order: each may use earlier ones */
  constructor(components: readonly Component<C>[], log: Logger) {
    this.#components = components;
    this.#log = log;
  }

  async apply(config: C): Promise<void> {
    this.#config = config;
    for (const component of this.#components.toReversed()) {
      const running = this.#running.get(component.name);
      const key = componentKey(component, config);
      if (running && running.key !== key && !(await this.#reload(component, running, key, config))) {
        await this.#end(component.name, running, key === undefined ? 'off' : 'changed');
      }
    }
    for (const component of this.#components) {
      await this.#bring(component, config);
    }
  }

  /** Starts components that failed to start. */
  async retry(): Promise<void> {
    const config = this.#config;
    for (const component of this.#components) {
      if (config !== undefined && this.#failures.has(component.name)) {
        await this.#bring(component, config);
      }
    }
  }

  isRunning(name: string): boolean {
    return this.#running.has(name);
  }

  /** @param onEnding called with the name of each component before it ends */
  async close(onEnding: (name: string) => void = () => {}): Promise<void> {
    this.#config = undefined;
    for (const component of this.#components.toReversed()) {
      const running = this.#running.get(component.name);
      if (running) {
        onEnding(component.name);
        await this.#end(component.name, running, 'end');
      }
    }
  }

  /** @returns whether the component took the configuration without a restart */
  async #reload(component: Component<C>, running: Running, key: string | undefined, config: C): Promise<boolean> {
    if (key === undefined) {
      return false;
    }
    try {
      const isDone = (await component.reload?.(config)) === true;
      running.key = isDone ? key : running.key;
      return isDone;
    } catch (error) {
      this.#log.error({ part: component.name, err: error }, 'failed to apply its configuration, restarting');
      return false;
    }
  }

  /** A failure must not keep other components, least of all open recordings, from stopping. */
  async #end(name: string, { stop }: Running, cause: EndCause): Promise<void> {
    this.#running.delete(name);
    try {
      await stop(cause);
    } catch (error) {
      this.#log.error({ part: name, err: error }, 'failed to stop; other components are unaffected');
    }
  }

  async #bring(component: Component<C>, config: C): Promise<void> {
    const key = componentKey(component, config);
    if (key === undefined || this.#running.has(component.name)) {
      this.#failures.delete(component.name);
      return;
    }
    if (component.needs !== undefined && !this.#running.has(component.needs)) {
      this.#failures.set(component.name, '');
      return;
    }
    try {
      this.#running.set(component.name, { key, stop: await component.start(config) });
      const failure = this.#failures.get(component.name);
      this.#failures.delete(component.name);
      if (failure) {
        this.#log.info({ part: component.name }, 'started after an earlier failure');
      }
    } catch (error) {
      const reason = explain(error);
      if (this.#failures.get(component.name) !== reason) {
        const level = component.isOptional?.(config) ? 'warn' : 'error';
        this.#log[level]({ part: component.name, reason }, 'failed to start; other components are unaffected');
      }
      this.#failures.set(component.name, reason);
    }
  }
}

function componentKey<C>(component: Component<C>, config: C): string | undefined {
  const settings = component.settings(config);
  return settings === undefined ? undefined : JSON.stringify(settings);
}
