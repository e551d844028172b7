import type { Config } from '../../config/load/load.ts';
import { type Demo, startDemo, wantsDemo } from './demo.ts';

/** Shows the demo camera as long as no camera is configured. */
export class DemoChoice {
  readonly #start: () => Demo;
  #demo: Demo | undefined;

  /** @param onFound the paths of the demo camera exist from then on */
  constructor(deps: Parameters<typeof startDemo>[0], onFound: () => void) {
    this.#start = () => startDemo(deps, onFound);
  }

  get isShown(): boolean {
    return this.#demo !== undefined;
  }

  /** @returns the demo to close, which is no longer needed */
  choose(config: Config): Demo | undefined {
    const demo = this.#demo;
    if (!wantsDemo(config)) {
      this.#demo = undefined;
      return demo;
    }
    this.#demo ??= this.#start();
    return undefined;
  }

  /** The configuration with the paths of the demo camera. */
  within(config: Config): Config {
    return this.#demo && wantsDemo(config) ? { ...config, paths: this.#demo.paths(config) } : config;
  }

  async close(): Promise<void> {
    await this.#demo?.close();
  }
}
