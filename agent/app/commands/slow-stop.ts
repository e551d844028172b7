import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';

/** systemd and procd kill Perch 20 s after SIGTERM, Docker after 10. */
const SLOW_MS = 8_000;

/** Logs what a stop waits for when it takes longer than 8 s. */
export class SlowStop {
  readonly #log: Logger;
  readonly #end: () => void;
  #waitsFor = 'configuration';

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#log = log;
    const beganMs = clock.monoMs();
    this.#end = clock.every(SLOW_MS, () => {
      const sinceMs = Math.round(clock.monoMs() - beganMs);
      log.warn({ waitsFor: this.#waitsFor, sinceMs }, 'stopping takes long');
    });
  }

  /** @param component that ends now, for the log */
  readonly begin = (component: string): void => {
    this.#waitsFor = component;
  };

  async close(name: string, component: { close(): Promise<unknown> } | undefined): Promise<void> {
    this.begin(name);
    await component?.close();
  }

  end(): void {
    this.#end();
    this.#log.info('stopped');
  }
}
