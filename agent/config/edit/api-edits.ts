import { dirname, relative, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { PerchError } from '../../base/errors.ts';
import { type Environment, variableOf } from '../load/environment.ts';
import { PATH_USER_KEYS } from '../load/legacy-users.ts';
import type { Config } from '../load/load.ts';
import type { PathEntry } from '../load/path-entry.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import { isFfmpegSource } from '../schema/ffmpeg-source.ts';
import { resolvedName, type SchemaNode } from '../schema/node.ts';
import type { ConfigStore, FileNow } from '../store/store.ts';
import { type Edit, editAll, type KeyPath } from '../yaml/edit.ts';
import { problemText } from '../yaml/problem.ts';
import { refuseConflict } from './conflict.ts';
import { globalJson, HIDDEN, pathDefaultsJson, pathJson } from './json.ts';
import { checkKept, checkKeptToken, withKeptSecrets } from './kept-secrets.ts';
import { type Posted, postedGlobal, postedPath, type SettingsKind } from './posted.ts';

/** The author of a change. */
export interface Editor {
  /** May also change access rights and the programs that Perch runs (`runOn…`). */
  readonly hasAllRights: boolean;
  /** The name, if known. */
  readonly user?: string;
  /** Tag of the text that the change is based on: later changes of others are not overwritten. */
  readonly seen?: string;
}

const USER_KEYS: ReadonlySet<string> = new Set(PATH_USER_KEYS);

/** File names reach the owner's commands (`sh -c '… $MTX_SEGMENT_PATH'`): letters of any script and these characters are harmless there. A blank separates words. */
const SHELL = /[^\p{L}\p{M}\p{N}%/._:,@+=-]/u;

/**
 * The control API's changes of the file, with MediaMTX's errors. All throw PerchError: badInput for invalid settings, notFound for a missing
 * path, unavailable if the file cannot be written, conflict if another client has changed the same settings since `seen`.
 */
export class ApiEdits {
  readonly #store: ConfigStore;
  readonly #env: Environment;

  constructor(store: ConfigStore, env: Environment) {
    this.#store = store;
    this.#env = env;
  }

  async patchGlobal(body: unknown, editor: Editor): Promise<void> {
    const { global, pathDefaults } = postedGlobal(body, this.#keys);
    await this.#revise(editor, (now) => {
      const shown = postedGlobal(globalJson(now.config), this.#keys).global;
      const before = settingsOf(this.#keys.global.schema, shown, now.config);
      return [
        ...this.#changed([], 'global', global, before, editor, now),
        ...this.#changed(['pathDefaults'], 'path', pathDefaults, defaultsOf(now.config), editor, now),
      ];
    });
  }

  async patchPathDefaults(body: unknown, editor: Editor): Promise<void> {
    const posted = postedPath(body, this.#keys);
    await this.#revise(editor, (now) => {
      return this.#changed(['pathDefaults'], 'path', posted, defaultsOf(now.config), editor, now);
    });
  }

  async addPath(name: string, body: unknown, editor: Editor): Promise<void> {
    const posted = postedPath(body, this.#keys);
    await this.#revise(editor, (now) => {
      if (now.config.paths.has(name)) {
        throw new PerchError('badInput', 'path already exists', { path: name });
      }
      return [this.#whole(name, posted, now, editor)];
    });
  }

  async replacePath(name: string, body: unknown, editor: Editor): Promise<void> {
    const posted = postedPath(body, this.#keys);
    await this.#revise(editor, (now) => {
      const { paths } = now.config;
      const entry = paths.get(name);
      refuseConflict(now, editor.seen, name, entry ? Object.keys(pathSettings(entry, this.#keys).shown) : [''], {});
      return [this.#whole(name, posted, now, editor)];
    });
  }

  async patchPath(name: string, body: unknown, editor: Editor): Promise<void> {
    const posted = postedPath(body, this.#keys);
    await this.#revise(editor, (now) => {
      const entry = now.config.paths.get(name);
      if (!entry) {
        throw noSuchPath(name);
      }
      return this.#changed(['paths', name], 'path', posted, pathSettings(entry, this.#keys), editor, now);
    });
  }

  /**
   * The configuration after a `patchPath` that is not written.
   * @param mayBeNew a missing path is added
   * @throws PerchError like `patchPath`, but no conflict
   */
  async tryPath(name: string, body: unknown, editor: Editor, mayBeNew?: 'mayBeNew'): Promise<Config> {
    const posted = postedPath(body, this.#keys);
    const { current, tag, textInForce } = this.#store;
    const entry = current.paths.get(name);
    if (!entry && !mayBeNew) {
      throw noSuchPath(name);
    }
    const now = { config: current, written: undefined, tag, since: () => undefined };
    const anyTime = { hasAllRights: editor.hasAllRights };
    const edits = entry
      ? this.#changed(['paths', name], 'path', posted, pathSettings(entry, this.#keys), anyTime, now)
      : [this.#whole(name, posted, now, anyTime)];
    if (edits.length === 0) {
      return current;
    }
    const { config, problems } = this.#store.check(editAll(textInForce, edits, true));
    const error = problems.find(({ severity, key }) => severity === 'error' && key.startsWith(`paths.${name}.`));
    if (error || !config) {
      throw new PerchError('badInput', error ? problemText(error) : 'the configuration is not valid', { path: name });
    }
    return config;
  }

  async deletePath(name: string, editor: Editor): Promise<void> {
    await this.#revise(editor, (now) => {
      const { config, written } = now;
      if (!config.paths.has(name)) {
        throw noSuchPath(name);
      }
      if (!Object.hasOwn(writtenPaths(written), name)) {
        const message = `path '${name}' comes from an environment variable: it ends with it`;
        throw new PerchError('badInput', message, { path: name });
      }
      refuseConflict(now, editor.seen, name, [...this.#keys.path.names], {});
      this.#checkDropped(name, {}, now, editor);
      return [{ keyPath: ['paths', name], value: undefined }];
    });
  }

  /** Reads the file again. @throws PerchError badInput with its first error */
  async reload(): Promise<void> {
    if (!(await this.#store.reload())) {
      const first = this.#store.problems.find(({ severity }) => severity === 'error');
      throw new PerchError('badInput', first ? problemText(first) : 'the configuration file is wrong');
    }
  }

  /** Identifies the file's text: a client sends it with a change of the settings that it has read. */
  get tag(): string {
    return this.#store.tag;
  }

  get #keys(): ConfigKeys {
    return this.#store.current.keys;
  }

  async #revise({ seen, user }: Editor, plan: (now: FileNow) => readonly Edit[]): Promise<void> {
    if (seen !== undefined) {
      // An edit of the file by hand counts at once.
      await this.#store.refresh();
    }
    await this.#store.revise(plan, 'API', user);
  }

  /** Edits of the values that differ from those in force; the others stay as they are in the file. */
  #changed(
    blockPath: KeyPath,
    kind: SettingsKind,
    posted: Posted,
    before: AppliedConfig,
    editor: Editor,
    now: FileNow,
  ): readonly Edit[] {
    const { schema } = this.#keys[kind];
    checkKept(schema.properties ?? {}, posted, before.value);
    if (kind === 'path') {
      checkKeptToken(posted, before.value);
    }
    const keys = Object.keys(posted).filter((key) => !isDeepStrictEqual(posted[key], before.shown[key]));
    const path = blockPath[0] === 'paths' ? String(blockPath[1]) : undefined;
    refuseConflict(now, editor.seen, path, keys, before.shown, blockPath[0] === 'pathDefaults' ? 'pathDefaults.' : '');
    return keys.map((key) => {
      this.#check(kind, [...blockPath, key], posted[key], editor, now.config);
      return { keyPath: [...blockPath, key], value: valueFor(schema, key, posted, before) };
    });
  }

  /** Replaces all keys of a path. */
  #whole(name: string, posted: Posted, now: FileNow, editor: Editor): Edit {
    const { config } = now;
    const before = this.#appliedTo(name, config);
    this.#checkDropped(name, posted, now, editor);
    // If the request has no secret, the secret is removed, or the default applies.
    const { properties = {} } = this.#keys.path.schema;
    const removed = Object.keys(properties).filter((key) => properties[key]?.keptFor !== undefined);
    checkKept(properties, { ...Object.fromEntries(removed.map((key) => [key, ''])), ...posted }, before.value);
    checkKeptToken({ whepBearerToken: '', ...posted }, before.value);
    const written = Object.entries(posted).map(([key, value]) => {
      if (!isDeepStrictEqual(value, before.shown[key])) {
        this.#check('path', ['paths', name, key], value, editor, config);
      }
      return [key, valueFor(this.#keys.path.schema, key, posted, before)];
    });
    return { keyPath: ['paths', name], value: written.length === 0 ? null : Object.fromEntries(written) };
  }

  /** @param posted the keys that stay */
  #checkDropped(name: string, posted: Posted, { config, written }: FileNow, { hasAllRights }: Editor): void {
    const { shown } = this.#appliedTo(name, config);
    const usual = defaultsOf(config).shown;
    for (const key of Object.keys(recordOf(writtenPaths(written)[name]) ?? {})) {
      const isDropped = !Object.hasOwn(posted, key) && !(key in shown && isDeepStrictEqual(shown[key], usual[key]));
      if (isDropped && !hasAllRights && this.#isRight('path', key)) {
        throw ownersOnly(key);
      }
    }
  }

  #appliedTo(name: string, config: Config): AppliedConfig {
    const entry = config.paths.get(name);
    return entry ? pathSettings(entry, this.#keys) : defaultsOf(config);
  }

  #check(kind: SettingsKind, keyPath: KeyPath, value: unknown, { hasAllRights }: Editor, config: Config): void {
    const key = String(keyPath.at(-1));
    const { syntax, names } = this.#keys[kind].schema.properties?.[key] ?? {};
    if (syntax === 'source' && typeof value === 'string' && isFfmpegSource(value.trim())) {
      throw new PerchError('badInput', 'source: ffmpeg:// runs a program: only the file itself can set it');
    }
    if (syntax === 'command' && !hasAllRights) {
      throw new PerchError('badInput', `${key} runs a program: only the owner, or the file itself, can set it`);
    }
    if (!hasAllRights && this.#isRight(kind, key)) {
      throw ownersOnly(key);
    }
    if (names && !hasAllRights && typeof value === 'string' && !isInNamedFolder(value, config, this.#store)) {
      const where = 'the data folder and the folders of the configuration';
      throw new PerchError('badInput', `${key}: only the owner, or the file itself, can name a place outside ${where}`);
    }
    if (key === 'recordPath' && !hasAllRights && typeof value === 'string' && SHELL.test(value)) {
      throw new PerchError('badInput', 'recordPath: only the owner, or the file itself, can set shell metacharacters');
    }
    const variable = variableOf(keyPath, this.#env);
    if (variable !== undefined) {
      throw new PerchError('badInput', `${key} is set by the environment variable ${variable}: change it there`, {
        why: 'byVariable',
      });
    }
  }

  #isRight(kind: SettingsKind, key: string): boolean {
    const { schema, rights } = this.#keys[kind];
    const { names } = schema.properties?.[key] ?? {};
    return rights.has(key) || USER_KEYS.has(key) || names === 'keyFile' || names === 'origins';
  }
}

const ownersOnly = (key: string): PerchError =>
  new PerchError('badInput', `${key}: only the owner, or the file itself, can set it`);

/** Settings as the API shows them, in the form of a request, and their values. */
interface AppliedConfig {
  readonly shown: Posted;
  readonly value: (key: string) => unknown;
}

const settingsOf = (schema: SchemaNode, shown: Posted, settings: object): AppliedConfig => ({
  shown,
  value: (key) => (settings as Posted)[resolvedName(key, schema.properties?.[key] ?? {})],
});

const defaultsOf = (config: Config): AppliedConfig =>
  settingsOf(config.keys.path.schema, postedPath(pathDefaultsJson(config), config.keys), config.pathDefaults);

const pathSettings = (entry: PathEntry, keys: ConfigKeys): AppliedConfig =>
  entry.settings
    ? settingsOf(keys.path.schema, postedPath(pathJson(entry, keys), keys), entry.settings)
    : { shown: {}, value: () => undefined };

/** The value for the file: hidden secrets restored, the words of a switch as yes and no. */
function valueFor(schema: SchemaNode, key: string, posted: Posted, before: AppliedConfig): unknown {
  const property = schema.properties?.[key] ?? {};
  const hasLogin = (recordOf(posted['camera'])?.['password'] ?? HIDDEN) !== HIDDEN;
  const value = withKeptSecrets(property, posted[key], before.value(key), key, hasLogin);
  const { isSwitch, words } = property;
  return isSwitch && (value === words?.yes || value === words?.no) ? value === words?.yes : value;
}

const recordOf = (value: unknown): Posted | undefined =>
  typeof value === 'object' && value !== null ? (value as Posted) : undefined;

const writtenPaths = (written: unknown): Posted => recordOf(recordOf(written)?.['paths']) ?? {};

const noSuchPath = (path: string): PerchError => new PerchError('notFound', 'path not found', { path });

interface Folders {
  readonly dataDir: string;
  /** Relative names begin here. */
  readonly cwd: string;
}

/**
 * Whether a file or folder is in the data folder, or in one that the configuration names already, such as that of a USB disk.
 * @param name may have the variables of `recordPath`; empty: none
 */
function isInNamedFolder(name: string, config: Config, { dataDir, cwd }: Folders): boolean {
  if (name === '') {
    return true;
  }
  const place = resolve(cwd, fixedPart(name));
  // Below the variables, too, no name leads out.
  const isPlain = !name.split('/').includes('..');
  return isPlain && [dataDir, ...foldersOf(config, cwd)].some((folder) => isWithin(place, folder));
}

function foldersOf(config: Config, cwd: string): readonly string[] {
  const { keys, pathDefaults, paths } = config;
  const named = (kind: 'file' | 'folder', { schema }: ConfigKeys['path'], settings: object): readonly string[] =>
    Object.entries(settings).flatMap(([key, value]) =>
      schema.properties?.[key]?.names === kind && value !== '' ? String(value) : [],
    );
  const settings = [pathDefaults, ...[...paths.values()].flatMap((entry) => entry.settings ?? [])];
  const names = [
    ...named('folder', keys.global, config),
    ...settings.flatMap((one) => named('folder', keys.path, one).map(fixedPart)),
    ...settings.flatMap((one) => named('file', keys.path, one).map((file) => dirname(resolve(cwd, file)))),
  ];
  // A template at the root names no folder.
  return [...new Set(names)].map((one) => resolve(cwd, one)).filter((folder) => folder !== '/');
}

/** The folder before the first variable. */
function fixedPart(template: string): string {
  const variable = template.indexOf('%');
  return variable < 0 ? template : template.slice(0, template.lastIndexOf('/', variable) + 1);
}

const isWithin = (place: string, folder: string): boolean => !/^\.\.(?:\/|$)/.test(relative(folder, place));
