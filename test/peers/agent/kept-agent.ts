import { afterAll, onTestFailed } from 'vitest';
import type { Agent } from './agent.ts';
import { startOwnedAgent } from './owned-agent.ts';

/** A box with an owner and the demo camera, which the tests of a file use in turn. A test that fails ends it. */
export class KeptAgent {
  #agent: Agent | undefined;

  /** Call it while the tests are defined. */
  constructor() {
    afterAll(() => this.#end());
  }

  async get(): Promise<Agent> {
    onTestFailed(() => this.#end());
    this.#agent ??= await startOwnedAgent();
    return this.#agent;
  }

  /** The next tests use this one, which has an owner by then. */
  keep(agent: Agent): void {
    onTestFailed(() => this.#end());
    this.#agent = agent;
  }

  async #end(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.[Symbol.asyncDispose]();
  }
}
