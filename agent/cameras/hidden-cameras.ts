import { join } from 'node:path';
import Type from 'typebox';
import { StoredDocument } from '../base/files/stored-document.ts';
import type { Logger } from '../base/log.ts';
import { SerialQueue } from '../base/serial-queue.ts';

const HIDDEN_FILE = 'hidden-cameras.json';
/** The cameras that were hidden first are shown again. */
const MAX_HIDDEN = 500;

const HiddenFile = Type.Object({
  endpoints: Type.Array(Type.String({ maxLength: 200 }), { maxItems: MAX_HIDDEN }),
});

/** Endpoints of found cameras that are not wanted, in a small file of the data folder. */
export class HiddenCameras {
  readonly #document: StoredDocument<typeof HiddenFile>;
  readonly #turns = new SerialQueue();
  #endpoints: ReadonlySet<string> = new Set();

  constructor({ dataDir, log }: { readonly dataDir: string; readonly log: Logger }) {
    this.#document = new StoredDocument(join(dataDir, HIDDEN_FILE), HiddenFile, log);
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
      await this.#document.save(() => ({ endpoints: kept }));
      this.#endpoints = new Set(kept);
    });
  }

  async close(): Promise<void> {
    await this.#turns.run(async () => {});
  }

  async #load(): Promise<void> {
    const stored = await this.#document.open('the list of hidden cameras cannot be read: hide them again');
    this.#endpoints = new Set(stored?.endpoints);
  }
}
