import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { codeOf } from '../../record/file/disk-fault.ts';

/** Of those that are no longer in use the newest so many are kept. */
const MAX_TEMPLATES = 64;

/**
 * Every `recordPath` that was ever in use, in a small file beside the index: recordings stay where they are when the setting
 * changes, and losing the index must not lose the way to them.
 */
export class KnownTemplates {
  readonly #file: string | undefined;
  readonly #onFault: (error: unknown) => void;
  /** The newest last. */
  #templates: string[];

  /** @param file undefined: remembered only as long as this process runs */
  constructor(file: string | undefined, onFault: (error: unknown) => void) {
    this.#file = file;
    this.#onFault = onFault;
    this.#templates = this.#load();
  }

  /** Nothing was ever looked for. */
  get isEmpty(): boolean {
    return this.#templates.length === 0;
  }

  /** All, those in use first. @param used may be relative to the working directory */
  with(used: readonly string[]): readonly string[] {
    const current = [...new Set(used.map((template) => resolve(template)))];
    if (current.some((template) => !this.#templates.includes(template))) {
      const older = this.#templates.filter((template) => !current.includes(template));
      this.#templates = [...older.slice(-MAX_TEMPLATES), ...current];
      this.#save();
    }
    return [...current, ...this.#templates.filter((template) => !current.includes(template))];
  }

  #load(): string[] {
    try {
      const found: unknown = this.#file === undefined ? [] : JSON.parse(readFileSync(this.#file, 'utf8'));
      const texts = Array.isArray(found) ? found.filter((text): text is string => typeof text === 'string') : [];
      return texts.filter((text) => text.startsWith('/') && text.includes('%path')).slice(-2 * MAX_TEMPLATES);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        this.#onFault(error);
      }
      return [];
    }
  }

  #save(): void {
    if (this.#file === undefined) {
      return;
    }
    try {
      const draft = `${this.#file}.new`;
      writeFileSync(draft, `${JSON.stringify(this.#templates, undefined, 2)}\n`);
      const descriptor = openSync(draft, 'r');
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      renameSync(draft, this.#file);
    } catch (error) {
      this.#onFault(error);
    }
  }
}
