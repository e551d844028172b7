import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Clock, endsWithin } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { SerialQueue } from '../../base/serial-queue.ts';
import { ConfigText } from '../file/config-text.ts';
import { configFileName } from '../file/file.ts';
import { FileWatch } from '../file/file-watch.ts';
import type { Migration } from '../file/migrations.ts';
import type { Environment } from '../load/environment.ts';
import { type Config, type ConfigDefaults, NO_FILE, type ParsedConfig, parseConfig } from '../load/load.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import { type Edit, editSteps, readPlain } from '../yaml/edit.ts';
import { type Problem, problemText } from '../yaml/problem.ts';
import { type Author, authorOf, ChangeLog, type ChangeOrigin, type LoggedChange, tagOf } from './change-log.ts';
import { type Change, changesBetween } from './changes.ts';
import {
  type AppliedConfig,
  EMPTY,
  type FoundText,
  isEmptied,
  keepBefore,
  keepGood,
  keepRunning,
  lastGood,
  unreadable,
} from './good-copy.ts';
import { StoredText } from './stored-text.ts';
import { warnOfUnused } from './unused-files.ts';

interface ConfigStoreOptions {
  /** Configuration file named on the command line. */
  readonly file?: string;
  /** Folder to which relative names refer. */
  readonly cwd: string;
  readonly dataDir: string;
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: those of this program. */
  readonly migrations?: readonly Migration[];
  readonly keys: ConfigKeys;
}

type Listener = (config: Config, changes: readonly Change[], author: Author) => void;
type Plan = (now: FileNow) => readonly Edit[] | Promise<readonly Edit[]>;

/** The file at the moment of an edit; it may be newer than the configuration in force. */
export interface FileNow {
  /** Configuration of the file; while the file is wrong, the configuration in force. */
  readonly config: Config;
  /** Plain values, aliases resolved; parsed on first use. */
  readonly written: unknown;
  /** Identifies its text. */
  readonly tag: string;
  /** Changes since the file had the text of that tag; undefined for an unknown tag. */
  since(tag: string): readonly LoggedChange[] | undefined;
}

/** A whole text for the file. */
interface NewText {
  readonly text: string;
  /** Identifies the text that it was made from. */
  readonly tag: string;
}

/** The configuration in force, and the only place that reads or writes its file. */
export class ConfigStore {
  readonly #options: ConfigStoreOptions;
  readonly #defaults: ConfigDefaults;
  readonly #texts: ConfigText;
  readonly #listeners = new Set<Listener>();
  readonly #stored: StoredText;
  /** The text in force: the file's, or while that is wrong as a whole the text before it. */
  #goodText: string;
  readonly #log: ChangeLog;
  #current: Config;
  #problems: readonly Problem[];
  #parsed: { readonly text: string; readonly said: ParsedConfig } | undefined;
  #watch: FileWatch | undefined;
  /** Reloads and edits run one after the other. */
  readonly #queue = new SerialQueue();

  /**
   * Finds the file and reads it. A wrong file is replaced by its last good version.
   * @throws PerchError with the first error of a wrong file without a good version
   */
  static async open(given: ConfigStoreOptions): Promise<ConfigStore> {
    const options = { ...given, dataDir: resolve(given.cwd, given.dataDir) };
    const defaults = defaultsFor(options);
    const texts = new ConfigText(options.env);
    const stored = await StoredText.open(options, texts);
    const { file, now: text } = stored;
    const parsed = (await isEmptied(file, text, options))
      ? unreadable(configFileName(file), EMPTY)
      : parseConfig(text, configFileName(file), options.env, defaults);
    const inForce = parsed.config ? { text, config: parsed.config } : await lastGood(file, parsed, options, defaults);
    const store = new ConfigStore(options, defaults, texts, stored, inForce, parsed.problems);
    await store.#keepIfGood(text);
    // A folder there may be a network disk that hangs.
    await endsWithin(options.clock, 2_000, warnOfUnused(store, options));
    return store;
  }

  private constructor(
    options: ConfigStoreOptions,
    defaults: ConfigDefaults,
    texts: ConfigText,
    stored: StoredText,
    inForce: AppliedConfig,
    problems: readonly Problem[],
  ) {
    this.#options = options;
    this.#defaults = defaults;
    this.#texts = texts;
    this.#stored = stored;
    this.#goodText = inForce.text;
    this.#current = inForce.config;
    this.#problems = problems;
    this.#log = new ChangeLog(this.tag);
  }

  /** A text as it is stored on the disk: encrypted if the file is. */
  seal(text: string): Promise<string> {
    return this.#texts.seal(text);
  }

  /** Identifies the file's text as last read or written, with the changes that it lacks. */
  get tag(): string {
    return tagOf(this.#stored.now);
  }

  /** The changes of API and page that the file lacks because it cannot be written. */
  get unsaved(): Problem | undefined {
    return this.#stored.unsaved;
  }

  /** Absolute; undefined while the built-in defaults apply. */
  get dataDir(): string {
    return this.#options.dataDir;
  }

  get cwd(): string {
    return this.#options.cwd;
  }

  get file(): string | undefined {
    return this.#stored.file;
  }

  /** The text that is in force. */
  get textInForce(): string {
    return this.#goodText;
  }

  get current(): Config {
    return this.#current;
  }

  /** Problems of the file as it is now, even while it is rejected and an older version is in force. */
  get problems(): readonly Problem[] {
    const { unsaved } = this;
    return unsaved ? [unsaved, ...this.#problems] : this.#problems;
  }

  /**
   * Reads the file again. Changes that it lacks are saved if it can be written now, and stay otherwise.
   * @returns false: it has an error, and the old configuration stays in force
   */
  reload(): Promise<boolean> {
    return this.#queue.run(async () => {
      const isGood = await this.#apply(await this.#stored.look());
      await this.#stored.retry();
      return isGood;
    });
  }

  /**
   * Writes values into the file and applies them together. Edits that would add an error are rejected, and nothing is written.
   * Without a file this creates Perch's own, in the data folder.
   */
  edit(edits: readonly Edit[], by?: ChangeOrigin): Promise<void> {
    return this.revise(() => edits, by);
  }

  /** Like `edit`, for values that depend on the file: nothing else changes it between `plan` and the write. */
  revise(plan: Plan, by: ChangeOrigin = 'API', user?: string): Promise<void> {
    return this.#queue.run(async () => {
      const file = this.#stored.target;
      const before = await this.#stored.read(this.#goodText);
      const known = this.#parse(before, file);
      const edits = await plan({
        config: known.config ?? this.#current,
        get written() {
          return readPlain(before);
        },
        ...this.#history(before),
      });
      const text = edits.length === 0 ? before : await editInTurns(before, edits, known.config !== undefined);
      if (text === before) {
        return edits.length > 0 ? this.#stored.noteKept() : undefined;
      }
      const parsed = this.#parse(text, file);
      const config = withoutNewErrors(parsed, known.problems);
      const inForce = config ? { text, config, problems: parsed.problems } : await this.#editInForce(edits, file);
      await this.#stored.save(text);
      this.#goodText = inForce.text;
      await this.#keepIfGood(inForce.text, inForce.problems);
      // Listeners are called last, so that the response is sent before a port restarts.
      this.#adopt(keepRunning(inForce.config, this.#current), parsed.problems, authorOf(by, user));
    });
  }

  /**
   * Writes a whole text and applies it; the text before it is kept next to the last good one. Without a file this creates
   * Perch's own, in the data folder.
   *
   * @param make is called with the present text
   * @throws PerchError badInput with the first error of the new text, which is then not written
   */
  replace(make: (now: NewText & Pick<FileNow, 'since'>) => string, user: string | undefined): Promise<void> {
    return this.#queue.run(async () => {
      const file = this.#stored.target;
      const before = await this.#stored.read();
      const text = make({ text: before, ...this.#history(before) });
      if (text === before) {
        return this.#stored.noteKept();
      }
      const parsed = this.#parse(text, file);
      const error = parsed.problems.find(({ severity }) => severity === 'error');
      if (error || !parsed.config) {
        throw new PerchError('badInput', error ? problemText(error) : 'the configuration is not valid');
      }
      await keepBefore(file, before, this.#options, this.#texts);
      await this.#stored.save(text);
      this.#goodText = text;
      await this.#keepIfGood(text, parsed.problems);
      this.#adopt(parsed.config, parsed.problems, authorOf('API', user));
    });
  }

  /** The file's present text, after a changed file has been read. */
  async refresh(): Promise<NewText> {
    await this.#reloadIfNew();
    return { text: this.#stored.now, tag: this.tag };
  }

  /** Parses a text as if it were the file's. */
  check(text: string): ParsedConfig {
    return parseConfig(text, configFileName(this.file), this.#options.env, this.#defaults);
  }

  #history(text: string): Pick<FileNow, 'tag' | 'since'> {
    return { tag: tagOf(text), since: (tag) => this.#log.since(tag) };
  }

  /** The file stays wrong as a whole: the text in force gets the same edit. */
  async #editInForce(
    edits: readonly Edit[],
    file: string,
  ): Promise<AppliedConfig & { readonly problems: readonly Problem[] }> {
    const known = this.#parse(this.#goodText, file).problems;
    const text = await editInTurns(this.#goodText, edits, true);
    const parsed = this.#parse(text, file);
    const config = withoutNewErrors(parsed, known);
    if (!config) {
      throw new PerchError('badInput', 'the configuration is not valid');
    }
    return { text, config, problems: parsed.problems };
  }

  /** Calls `listener` after each change, until the returned function is called. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reloads when the file changes or appears, until `close`. */
  watch(): void {
    const { clock, log } = this.#options;
    const watched = () => this.#stored.file;
    this.#watch ??= new FileWatch(watched, () => this.#reloadIfNew(), clock, log);
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#listeners.clear();
  }

  #reloadIfNew(): Promise<void> {
    return this.#queue.run(async () => {
      const stored = this.#stored;
      const found = await stored.look();
      if (stored.file !== undefined && (found.fault !== undefined || !stored.isOnDisk(found.text))) {
        await this.#apply(found);
      }
      await stored.retry();
    });
  }

  async #apply({ text: onDisk, fault }: FoundText): Promise<boolean> {
    const { log } = this.#options;
    const stored = this.#stored;
    const name = configFileName(stored.file);
    const isNew = !stored.isOnDisk(onDisk);
    const text = stored.found(onDisk, fault !== undefined);
    const parsed = fault === undefined ? this.#parse(text ?? NO_FILE, stored.file) : unreadable(name, fault);
    const error = parsed.problems.find((one) => one.severity === 'error');
    if (error || !parsed.config) {
      this.#problems = parsed.problems;
      this.#log.note(this.tag, [], { by: 'file' }, this.#options.clock.wallMs());
      log.error(
        { problem: error && problemText(error) },
        'changed configuration rejected, the previous one stays in effect',
      );
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
      log.warn({ at: problemText(problem) }, 'configuration problem');
    }
    for (const listener of this.#listeners) {
      listener(config, changes, author);
    }
  }

  /** Keeps a copy of the text if it has no errors. */
  async #keepIfGood(text: string | undefined, problems = this.#problems): Promise<void> {
    const isWrong = problems.some((one) => one.severity === 'error');
    const { file, unsaved } = this.#stored;
    if (!isWrong && file !== undefined && text !== undefined && !unsaved) {
      await keepGood(file, text, this.#options, this.#texts);
    }
  }

  /** Caches the newest text: an edit parses it again, and parsing takes long with many paths. */
  #parse(text: string, file: string | undefined): ParsedConfig {
    if (text !== this.#parsed?.text) {
      this.#parsed = { text, said: parseConfig(text, configFileName(file), this.#options.env, this.#defaults) };
    }
    return this.#parsed.said;
  }
}

/** Lets other work run between the edits. */
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

const defaultsFor = ({ cwd, dataDir, keys }: ConfigStoreOptions): ConfigDefaults => ({
  recordPath: join(dataDir, 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f'),
  cwd,
  keys,
});

/**
 * @returns undefined while errors of `known` make the whole text unusable
 * @throws PerchError with the first error that is not in `known`
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
