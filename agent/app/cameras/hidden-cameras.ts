import { join } from 'node:path';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { explain } from '../../base/errors.ts';
import { loadPrivate, putAside, savePrivate } from '../../base/files/durable-file.ts';
import type { Logger } from '../../base/log.ts';
import { SerialQueue } from '../../base/serial-queue.ts';

const HIDDEN_FILE = 'hidden-cameras.json';
/** The cameras that were hidden first are shown again. */
const MAX_HIDDEN = 500;
const MAX_ENDPOINT_CHARS = 200;

const HiddenFile = Type.Object({
  endpoints: Type.Array(Type.String({ maxLength: MAX_ENDPOINT_CHARS }), { maxItems: MAX_HIDDEN }),
});

/** Endpoints of found cameras that are not wanted, in a small file of the data folder. */
export class HiddenCameras {
  readonly #file: string;
  readonly #log: Logger;
  readonly #turns = new SerialQueue();
  #endpoints: ReadonlySet<string> = new Set();

  constructor({ dataDir, log }: { readonly dataDir: string; readonly log: Logger }) {
    this.#file = join(dataDir, HIDDEN_FILE);
    this.#log = log;
    void this.#turns.run(() => this.#load());
  }

  has(endpoint: string): boolean {
    return this.#endpoints.has(endpoint);
  }

  /** @throws PerchError unavailable if the file cannot be written */
  set(endpoints: readonly string[], isHidden: boolean): Promise<void> {
    return this.#turns.run(async () => {
      const after = [...this.#endpoints].filter((endpoint) => !endpoints.includes(endpoint));
      const kept = isHidden ? [...after, ...new Set(endpoints)].slice(-MAX_HIDDEN) : after;
      await savePrivate(this.#file, { endpoints: kept });
      this.#endpoints = new Set(kept);
    });
  }

  async close(): Promise<void> {
    await this.#turns.run(async () => {});
  }

  async #load(): Promise<void> {
    const stored = await loadPrivate(this.#file).catch((error: unknown) => explain(error));
    if (Check(HiddenFile, stored)) {
      this.#endpoints = new Set(stored.endpoints);
    } else if (stored !== undefined) {
      this.#log.error({ file: this.#file }, 'the list of hidden cameras cannot be read: hide them again');
      await putAside(this.#file).catch((error: unknown) => this.#log.warn({ cause: explain(error) }, 'file stays'));
    }
  }
}
