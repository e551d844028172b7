import type { TellBox } from '../../base/box-events.ts';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { ConfigStore } from '../../config/store/store.ts';

const LOOK_MS = 5_000;

export interface PausesOptions {
  readonly store: Pick<ConfigStore, 'current' | 'revise'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tell: TellBox;
}

/** Ends the pauses of cameras when their time has come. */
export class CameraPauses {
  readonly #options: PausesOptions;
  readonly #stopLooking: () => void;
  #isEnding = false;
  #isTold = false;

  constructor(options: PausesOptions) {
    this.#options = options;
    this.#stopLooking = options.clock.every(LOOK_MS, () => void this.#look());
  }

  close(): void {
    this.#stopLooking();
  }

  async #look(): Promise<void> {
    const { store, clock, log, tell } = this.#options;
    if (this.#isEnding || overIn(store.current, clock.wallMs()).length === 0) {
      return;
    }
    this.#isEnding = true;
    try {
      let over: readonly string[] = [];
      await store.revise(({ config }) => {
        over = overIn(config, clock.wallMs());
        return over.flatMap((path) =>
          ['paused', 'pausedUntil'].map((key) => ({ keyPath: ['paths', path, 'camera', key], value: undefined })),
        );
      }, 'camera');
      this.#isTold = false;
      for (const path of over) {
        log.info({ path }, 'the pause of the camera is over');
        tell('camera', { state: 'resumed', path });
      }
    } catch (error) {
      this.#tellOnce(error);
    } finally {
      this.#isEnding = false;
    }
  }

  #tellOnce(error: unknown): void {
    const { log } = this.#options;
    if (!(error instanceof PerchError)) {
      log.error({ err: error }, 'a pause of a camera could not be ended');
    } else if (!this.#isTold) {
      log.warn({ reason: explain(error) }, 'a pause of a camera could not be ended');
    }
    this.#isTold = true;
  }
}

function overIn(config: Config, wallMs: number): string[] {
  return [...config.paths.values()].flatMap(({ name, settings }) => {
    const { paused = false, pausedUntil } = settings?.camera ?? {};
    return paused && pausedUntil !== undefined && Date.parse(pausedUntil) <= wallMs ? [name] : [];
  });
}
