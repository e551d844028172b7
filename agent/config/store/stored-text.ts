import { dirname } from 'node:path';
import { explain, type PerchError, rethrowUnexpected } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { ConfigText } from '../file/config-text.ts';
import { copyOf, findFile, isReadOnly, ownFileOf } from '../file/file.ts';
import { undoInterrupted } from '../file/in-place.ts';
import { type Migration, migrateConfig } from '../file/migrations.ts';
import { NO_FILE } from '../load/load.ts';
import { type Problem, problemText } from '../yaml/problem.ts';
import { type FoundText, faultOf, findText, isBlank } from './good-copy.ts';
import { noteUnsaved } from './unsaved-changes.ts';

interface StoredTextOptions {
  /** Named on the command line. */
  readonly file?: string;
  readonly cwd: string;
  readonly dataDir: string;
  readonly log: Logger;
  readonly migrations?: readonly Migration[];
}

interface Unsaved {
  /** The text that the file should have. */
  readonly text: string;
  /** The file's own text, or undefined if there is no file. */
  readonly base: string | undefined;
  readonly problem: Problem;
}

/** The text of the configuration's file, with the changes that the file lacks while it cannot be written. */
export class StoredText {
  readonly #options: StoredTextOptions;
  readonly #texts: ConfigText;
  #file: string | undefined;
  /** As last read or written, right or wrong; undefined while it cannot be read. */
  #onDisk: string | undefined;
  #unsaved: Unsaved | undefined;

  /** Finds the file; repairs and migrates it. */
  static async open(options: StoredTextOptions, texts: ConfigText): Promise<StoredText> {
    const file = await findFile(options);
    if (file === undefined) {
      return new StoredText(options, texts, undefined, undefined);
    }
    try {
      if (await undoInterrupted(file, copyOf(file, options.dataDir, 'journal'))) {
        options.log.warn({ file }, 'the last change of the configuration was interrupted: undone');
      }
    } catch (error) {
      // A read-only disk, for one. The journal stays, and the text before the change is used.
      options.log.error(
        { file, cause: explain(error) },
        'the last change of the configuration was interrupted and cannot be undone',
      );
    }
    const text = await migrateConfig({ ...options, file, texts });
    const onDisk = await texts.read(file, copyOf(file, options.dataDir, 'journal'));
    const stored = new StoredText(options, texts, file, onDisk);
    if (text !== undefined && text !== onDisk) {
      await stored.save(text);
    }
    return stored;
  }

  private constructor(
    options: StoredTextOptions,
    texts: ConfigText,
    file: string | undefined,
    onDisk: string | undefined,
  ) {
    this.#options = options;
    this.#texts = texts;
    this.#file = file;
    this.#onDisk = onDisk;
  }

  /** Absolute; undefined while the built-in defaults apply. */
  get file(): string | undefined {
    return this.#file;
  }

  /** The file that an edit writes. */
  get target(): string {
    return this.#file ?? ownFileOf(this.#options.dataDir);
  }

  get #journal(): string {
    return copyOf(this.target, this.#options.dataDir, 'journal');
  }

  #readTarget(): Promise<string | undefined> {
    return this.#texts.read(this.target, this.#journal);
  }

  get now(): string {
    return this.#unsaved?.text ?? this.#onDisk ?? NO_FILE;
  }

  /** Says that there are changes until the next start only. */
  get unsaved(): Problem | undefined {
    return this.#unsaved?.problem;
  }

  /** A change to what is in effect already, but may not be in the file. */
  noteKept(): void {
    if (this.unsaved) {
      noteUnsaved(this.unsaved);
    }
  }

  /** Reads the file, if there is one by now. */
  async look(): Promise<FoundText> {
    try {
      this.#file ??= await findFile(this.#options);
    } catch (error) {
      return faultOf(error);
    }
    return findText(this.#file, this.#options.dataDir, this.#texts);
  }

  isOnDisk(text: string | undefined): boolean {
    return text === this.#onDisk;
  }

  /**
   * Takes the text that was found in the file. If an editor has written it, unsaved changes are dropped.
   * @param isLost the file cannot be read @returns the text with unsaved changes
   */
  found(onDisk: string | undefined, isLost: boolean): string | undefined {
    this.#onDisk = onDisk;
    if (this.#unsaved && !isLost && onDisk !== this.#unsaved.base) {
      this.#unsaved = undefined;
      this.#options.log.warn(
        { file: this.target },
        'the configuration file was changed: it replaces the changes that could not be saved',
      );
    }
    return this.#unsaved?.text ?? onDisk;
  }

  /**
   * Reads the file for an edit.
   * @param inForce what an edit of some keys changes while the file is empty or missing: it would lose all others
   */
  async read(inForce?: string): Promise<string> {
    const onDisk = await this.#readTarget();
    const text = this.#unsaved && onDisk === this.#unsaved.base ? this.#unsaved.text : onDisk;
    return (inForce !== undefined && isBlank(text ?? '') ? inForce : text) ?? NO_FILE;
  }

  /**
   * Writes the file. One that cannot be written because of its mount or permissions gets the text later.
   * @throws PerchError unavailable if the disk is full or failing
   */
  async save(text: string): Promise<void> {
    const { log } = this.#options;
    const file = this.target;
    try {
      await this.#texts.write(file, text, this.#journal);
    } catch (error) {
      if (!isReadOnly(error)) {
        throw error;
      }
      await this.#keep(text, error);
      return;
    }
    if (this.#unsaved) {
      log.info({ file }, 'the configuration file can be written again, and has all changes');
    }
    this.#unsaved = undefined;
    this.#file = file;
    this.#onDisk = text;
  }

  /** Saves changes that could not be saved before, if the file can be written now. */
  async retry(): Promise<void> {
    if (this.#unsaved) {
      await this.save(this.#unsaved.text).catch((error: unknown) => {
        rethrowUnexpected(error);
        // On a full disk, for one. The changes stay in effect.
        this.#options.log.warn(
          { file: this.target, cause: explain(error) },
          'changes of the configuration are still not saved',
        );
      });
    }
  }

  async #keep(text: string, error: PerchError): Promise<void> {
    const base = await this.#readTarget();
    this.#onDisk = base;
    if (this.#unsaved?.text === text && this.#unsaved.base === base) {
      return;
    }
    const message = remedyOf(error, this.target);
    const problem: Problem = { severity: 'warn', file: this.target, key: '', message, why: 'notSaved' };
    if (!this.#unsaved) {
      this.#options.log.warn({ at: problemText(problem), cause: explain(error) }, 'the configuration cannot be saved');
    }
    this.#unsaved = { text, base, problem };
    noteUnsaved(problem);
  }
}

function remedyOf(error: PerchError, file: string): string {
  const { code } = error.cause as NodeJS.ErrnoException;
  const what = 'changes of the settings are in effect until the next start only';
  const written = String(error.context['file']);
  // What overwrites a file that is a mount needs the data folder for its journal.
  const where = written === file ? 'the file or its folder' : `the data folder ${dirname(written)}`;
  return code === 'EROFS'
    ? `${written === file ? '' : `${where} is `}mounted read-only, ${what}: mount ${where} writable`
    : `no permission to write, ${what}: let the user ${process.getuid?.() ?? ''} of Perch write ${where}`;
}
