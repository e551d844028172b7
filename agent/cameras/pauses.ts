import { explain, PerchError } from '../base/errors.ts';
import type { PublishEvent } from '../base/event-bus.ts';
import type { Context } from '../config/load/context.ts';
import type { Config } from '../config/load/load.ts';
import type { ConfigStore } from '../config/store/store.ts';

const CHECK_MS = 5_000;

interface PausesOptions extends Pick<Context, 'clock' | 'log'> {
  readonly store: Pick<ConfigStore, 'current' | 'revise'>;
  readonly publish: PublishEvent;
}

export class CameraPauses {
  readonly #options: PausesOptions;
  readonly #stopChecking: () => void;
  #isEnding = false;
  #isFailureLogged = false;

  constructor(options: PausesOptions) {
    this.#options = options;
    this.#stopChecking = options.clock.every(CHECK_MS, () => void this.#check());
  }

  close(): void {
    this.#stopChecking();
  }

  async #check(): Promise<void> {
    const { store, clock, log, publish } = this.#options;
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
      this.#isFailureLogged = false;
      for (const path of over) {
        log.info({ path }, 'pause of a camera ended');
        publish('camera', { state: 'resumed', path });
      }
    } catch (error) {
      this.#logOnce(error);
    } finally {
      this.#isEnding = false;
    }
  }

  #logOnce(error: unknown): void {
    const { log } = this.#options;
    if (!(error instanceof PerchError)) {
      log.error({ err: error }, 'ending the pause of a camera failed');
    } else if (!this.#isFailureLogged) {
      log.warn({ reason: explain(error) }, 'ending the pause of a camera failed');
    }
    this.#isFailureLogged = true;
  }
}

function overIn(config: Config, wallMs: number): string[] {
  return [...config.paths.values()].flatMap(({ name, settings }) => {
    const { paused = false, pausedUntil } = settings?.camera ?? {};
    return paused && pausedUntil !== undefined && Date.parse(pausedUntil) <= wallMs ? [name] : [];
  });
}
