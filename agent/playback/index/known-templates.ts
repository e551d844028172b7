import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { codeOf } from '../../record/file/disk-fault.ts';

/** Unused templates kept, newest first. */
const MAX_TEMPLATES = 64;

/** Every `recordPath` ever used, in a file next to the index: recordings stay there when the setting changes. */
export class KnownTemplates {
  readonly #file: string | undefined;
  readonly #onFault: (error: unknown) => void;
  #templates: string[];
  /** The file holds what was not read: it is renamed before another list is saved. */
  #isUnread = false;

  /**
   * @param file undefined to keep them in memory only
   * @param onFault gets a SyntaxError if the file is damaged
   */
  constructor(file: string | undefined, onFault: (error: unknown) => void) {
    this.#file = file;
    this.#onFault = onFault;
    this.#templates = this.#load();
  }

  get isEmpty(): boolean {
    return this.#templates.length === 0;
  }

  /** All templates, those in use first. @param used may be relative to the working directory */
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
      if (!Array.isArray(found)) {
        throw new SyntaxError('it is no list');
      }
      const texts = found.filter((text): text is string => typeof text === 'string');
      return texts.filter((text) => text.startsWith('/') && text.includes('%path')).slice(-2 * MAX_TEMPLATES);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        this.#isUnread = true;
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
      writeFileSync(draft, `${JSON.stringify(this.#templates, undefined, 2)}\n`, { flush: true });
      if (this.#isUnread) {
        renameSync(this.#file, `${this.#file}.damaged`);
        this.#isUnread = false;
      }
      renameSync(draft, this.#file);
    } catch (error) {
      this.#onFault(error);
    }
  }
}
