import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from './load.ts';

/** What the rooms above the configuration need of the product. A class takes `Pick<Context, …>`. */
export interface Context {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when Perch stops. */
  readonly signal: AbortSignal;
  /** The configuration in force. */
  config(): Config;
  /** The configuration that was last read or written; components may still be starting with it. */
  settings(): Config;
}
