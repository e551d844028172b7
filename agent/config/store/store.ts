import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { nameOf, ownFileOf, readConfigFile, writeAtomic } from '../file/file.ts';
import { FileWatch } from '../file/file-watch.ts';
import { findFile } from '../file/find-file.ts';
import { type Migration, migrateConfig } from '../file/migrations.ts';
import type { Environment } from '../load/environment.ts';
import { type Config, type ConfigDefaults, NO_FILE, type ParsedConfig, parseConfig } from '../load/load.ts';
import { type Edit, editSteps, readPlain } from '../yaml/edit.ts';
import { type Problem, problemText } from '../yaml/problem.ts';
import { type Author, authorOf, ChangeLog, type ChangeOrigin, type LoggedChange, tagOf } from './change-log.ts';
import { type Change, changesBetween } from './changes.ts';
import { type FoundText, faultOf, findText, unreadable } from './found-text.ts';
import { copyOf, type InForce, lastGood } from './good-copy.ts';
import { keepRunning } from './keep-running.ts';

export interface ConfigStoreOptions {
  /** The command line's argument. */
  readonly file?: string;
  /** What relative names are relative to. */
  readonly cwd: string;
  readonly dataDir: string;
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Logger;
  /** Those of this program, if none are given. */
  readonly migrations?: readonly Migration[];
}

type Listener = (config: Config, changes: readonly Change[], author: Author) => void;

/** The file as it is when an edit is made, which may be newer than what is in force. */
export interface FileNow {
  /** What it says; what is in force where it is wrong. */
  readonly config: Config;
  /** As plain values, aliases written out; read when it is asked for. */
  readonly written: unknown;
  /** Names its text. */
  readonly tag: string;
  /** What has changed since the file had the text of that tag; nothing where that is not known. */
  since(tag: string): readonly LoggedChange[] | undefined;
}

/** A whole text for the file. */
export interface NewText {
  readonly text: string;
  /** Of the text that it is made from. */
  readonly tag: string;
}

/** The configuration in force, and the only place that reads or writes its file. */
export class ConfigStore {
  readonly #options: ConfigStoreOptions;
  readonly #defaults: ConfigDefaults;
  readonly #listeners = new Set<Listener>();
  #file: string | undefined;
  /** The file's text as last read or written, right or wrong: what differs from it is news. */
  #text: string | undefined;
  /** The text that is in force: the file's, or while that is wrong as a whole the one before it. */
  #goodText: string;
  readonly #log: ChangeLog;
  #current: Config;
  #problems: readonly Problem[];
  #parsed: { readonly text: string; readonly said: ParsedConfig } | undefined;
  #watch: FileWatch | undefined;
  /** Reloads and edits run one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * Finds the file and reads it. A wrong file is passed over for its last good version; where there is none, the first
   * of its errors is thrown.
   */
  static async open(given: ConfigStoreOptions): Promise<ConfigStore> {
    const options = { ...given, dataDir: resolve(given.cwd, given.dataDir) };
    const file = await findFile(options);
    const defaults = defaultsFor(options);
    const text = file === undefined ? undefined : await migrateConfig({ ...options, file });
    const parsed = parseConfig(text ?? NO_FILE, nameOf(file), options.env, defaults);
    const inForce = parsed.config
      ? { text: text ?? NO_FILE, config: parsed.config }
      : await lastGood(file, parsed, options, defaults);
    const store = new ConfigStore(options, defaults, file, text, inForce, parsed.problems);
    await store.#keepIfGood(text);
    return store;
  }

  private constructor(
    options: ConfigStoreOptions,
    defaults: ConfigDefaults,
    file: string | undefined,
    text: string | undefined,
    inForce: InForce,
    problems: readonly Problem[],
  ) {
    this.#options = options;
    this.#defaults = defaults;
    this.#file = file;
    this.#text = text;
    this.#goodText = inForce.text;
    this.#current = inForce.config;
    this.#problems = problems;
    this.#log = new ChangeLog(this.tag);
  }

  /** Names the file's text as it was last read or written. */
  get tag(): string {
    return tagOf(this.#text ?? NO_FILE);
  }

  /** Absolute; nothing while the built-in defaults hold. */
  get file(): string | undefined {
    return this.#file;
  }

  /** The text that is in force. */
  get textInForce(): string {
    return this.#goodText;
  }

  get current(): Config {
    return this.#current;
  }

  /** What is to be told about the file as it is now, even if it was refused and an older version is in force. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Reads the file again. False: something in it is wrong, the old configuration stays in force. */
  reload(): Promise<boolean> {
    return this.#enqueue(async () => {
      return this.#apply(await this.#look());
    });
  }

  /**
   * Writes values into the file and applies them together. Refused, with nothing written, when they would bring an error
   * that is not there yet. Where there is no file it makes Perch's own, in the data folder.
   */
  edit(edits: readonly Edit[], by?: ChangeOrigin): Promise<void> {
    return this.revise(() => edits, by);
  }

  /** Like `edit`, for values that depend on what the file says now: nobody else changes it between `plan` and the write. */
  revise(plan: (now: FileNow) => readonly Edit[], by: ChangeOrigin = 'API', user?: string): Promise<void> {
    return this.#enqueue(async () => {
      const file = this.#file ?? ownFileOf(this.#options.dataDir);
      const before = (await readConfigFile(file)) ?? NO_FILE;
      const known = this.#parse(before, file);
      const edits = plan({
        config: known.config ?? this.#current,
        get written() {
          return readPlain(before);
        },
        ...this.#history(before),
      });
      const text = edits.length === 0 ? before : await editInTurns(before, edits, known.config !== undefined);
      if (text === before) {
        return;
      }
      const parsed = this.#parse(text, file);
      const config = withoutNewErrors(parsed, known.problems);
      const inForce = config ? { text, config, problems: parsed.problems } : await this.#editInForce(edits, file);
      await writeAtomic(file, text);
      this.#file = file;
      this.#text = text;
      this.#goodText = inForce.text;
      await this.#keepIfGood(inForce.text, inForce.problems);
      // Last of all: who has asked for it at a port that starts again has his answer by then.
      this.#adopt(keepRunning(inForce.config, this.#current), parsed.problems, authorOf(by, user));
    });
  }

  /**
   * Writes a whole text and applies it; the one before it is kept beside the last good one. Where there is no file it makes
   * Perch's own, in the data folder.
   *
   * @param make is given the text that there is now
   * @throws PerchError badInput with the first error of the new text, which is then not written
   */
  replace(make: (now: NewText & Pick<FileNow, 'since'>) => string, user: string | undefined): Promise<void> {
    return this.#enqueue(async () => {
      const file = this.#file ?? ownFileOf(this.#options.dataDir);
      const before = (await readConfigFile(file)) ?? NO_FILE;
      const text = make({ text: before, ...this.#history(before) });
      if (text === before) {
        return;
      }
      const parsed = this.#parse(text, file);
      const error = parsed.problems.find(({ severity }) => severity === 'error');
      if (error || !parsed.config) {
        throw new PerchError('badInput', error ? problemText(error) : 'the configuration is not valid');
      }
      await writeAtomic(copyOf(file, this.#options.dataDir, 'before'), before);
      await writeAtomic(file, text);
      this.#file = file;
      this.#text = text;
      this.#goodText = text;
      await this.#keepIfGood(text, parsed.problems);
      this.#adopt(parsed.config, parsed.problems, authorOf('API', user));
    });
  }

  /** The file's text as it is now, once what is new in it has been read. */
  async look(): Promise<NewText> {
    await this.#reloadIfNew();
    return { text: this.#text ?? NO_FILE, tag: this.tag };
  }

  /** What there is to be told about a text, if it were the file's. */
  check(text: string): ParsedConfig {
    return parseConfig(text, nameOf(this.#file), this.#options.env, this.#defaults);
  }

  #history(text: string): Pick<FileNow, 'tag' | 'since'> {
    return { tag: tagOf(text), since: (tag) => this.#log.since(tag) };
  }

  /** The file is wrong elsewhere and as a whole, and stays so: what is in force in its place gets the same edit. */
  async #editInForce(
    edits: readonly Edit[],
    file: string,
  ): Promise<InForce & { readonly problems: readonly Problem[] }> {
    const known = this.#parse(this.#goodText, file).problems;
    const text = await editInTurns(this.#goodText, edits, true);
    const parsed = this.#parse(text, file);
    const config = withoutNewErrors(parsed, known);
    if (!config) {
      throw new PerchError('badInput', 'the configuration is not valid');
    }
    return { text, config, problems: parsed.problems };
  }

  /** `listener` is called, after each change that is in force, until the returned function is called. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reloads by itself when the file changes, or appears, until `close`. */
  watch(): void {
    const { clock, log } = this.#options;
    const watched = () => this.#file;
    this.#watch ??= new FileWatch(watched, () => this.#reloadIfNew(), clock, log);
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#listeners.clear();
  }

  #reloadIfNew(): Promise<void> {
    return this.#enqueue(async () => {
      this.#file ??= await findFile(this.#options);
      const found = await findText(this.#file);
      if (this.#file !== undefined && (found.fault !== undefined || found.text !== this.#text)) {
        await this.#apply(found);
      }
    });
  }

  async #look(): Promise<FoundText> {
    try {
      this.#file ??= await findFile(this.#options);
    } catch (error) {
      return faultOf(error);
    }
    return findText(this.#file);
  }

  async #apply({ text, fault }: FoundText): Promise<boolean> {
    const { log } = this.#options;
    const name = nameOf(this.#file);
    const parsed = fault === undefined ? this.#parse(text ?? NO_FILE, this.#file) : unreadable(name, fault);
    const isNew = text !== this.#text;
    this.#text = text;
    const error = parsed.problems.find((one) => one.severity === 'error');
    if (error || !parsed.config) {
      this.#problems = parsed.problems;
      this.#log.note(this.tag, [], { by: 'file' }, this.#options.clock.wallMs());
      log.error({ problem: error && problemText(error) }, 'changed configuration refused, the old one stays in force');
      return false;
    }
    this.#goodText = text ?? NO_FILE;
    if (isNew) {
      log.info({ file: name }, 'configuration read');
    }
    this.#adopt(parsed.config, parsed.problems, { by: 'file' });
    await this.#keepIfGood(text);
    return true;
  }

  #adopt(config: Config, problems: readonly Problem[], author: Author): void {
    const { log, clock } = this.#options;
    const changes = changesBetween(this.#current, config);
    this.#log.note(this.tag, changes, author, clock.wallMs());
    const known = new Set(this.#problems.map(sameness));
    this.#current = config;
    this.#problems = problems;
    const warnings = problems.filter((one) => one.severity === 'warn' && !known.has(sameness(one)));
    const isWarnedOf = (key: string): boolean => warnings.some((one) => one.key === key);
    for (const { words, keys, path, isInherited } of changes) {
      if (keys.length > 0 && keys.every((key) => isWarnedOf(path === undefined ? key : `paths.${path}.${key}`))) {
        continue;
      }
      const facts = { ...(path === undefined ? {} : { path }), change: words, keys, ...author };
      log[isInherited ? 'debug' : 'info'](facts, 'configuration changed');
    }
    for (const problem of warnings) {
      log.warn({ at: problemText(problem) }, 'configuration');
    }
    for (const listener of this.#listeners) {
      listener(config, changes, author);
    }
  }

  /**
   * Keeps a copy of a file without any error. Only when it differs, to be gentle to flash cards; one that cannot be
   * kept harms nobody until the file breaks.
   */
  async #keepIfGood(text: string | undefined, problems = this.#problems): Promise<void> {
    const isWrong = problems.some((one) => one.severity === 'error');
    if (isWrong || this.#file === undefined || text === undefined) {
      return;
    }
    const copy = copyOf(this.#file, this.#options.dataDir, 'last-good');
    try {
      if ((await readConfigFile(copy)) !== text) {
        await writeAtomic(copy, text);
      }
    } catch (error) {
      this.#options.log.warn({ file: copy, cause: explain(error) }, 'cannot keep a copy of the good configuration');
    }
  }

  /** The newest text is kept with what it says: an edit asks for it again, and reading takes long with many paths. */
  #parse(text: string, file: string | undefined): ParsedConfig {
    if (text !== this.#parsed?.text) {
      this.#parsed = { text, said: parseConfig(text, nameOf(file), this.#options.env, this.#defaults) };
    }
    return this.#parsed.said;
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {});
    return done;
  }
}

/** The program does other things between the changes. */
async function editInTurns(text: string, edits: readonly Edit[], isLoaded: boolean): Promise<string> {
  const steps = editSteps(text, edits, isLoaded);
  for (;;) {
    const { done, value } = steps.next();
    if (done) {
      return value;
    }
    await setImmediate();
  }
}

const defaultsFor = ({ cwd, dataDir }: ConfigStoreOptions): ConfigDefaults => ({
  recordPath: join(dataDir, 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f'),
  cwd,
});

/**
 * @returns nothing where errors that were there before keep all of it from being used
 * @throws PerchError with the first error that `known` does not have
 */
function withoutNewErrors({ config, problems }: ParsedConfig, known: readonly Problem[]): Config | undefined {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const before = new Set(known.map(sameness));
  const fresh = errors.find((one) => !before.has(sameness(one)));
  if (fresh) {
    throw new PerchError('badInput', fresh.key === '' ? fresh.message : `${fresh.key}: ${fresh.message}`);
  }
  return config;
}

const sameness = ({ severity, key, message }: Problem): string => `${severity} ${key} ${message}`;
