import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { ConfigText } from '../file/config-text.ts';
import { configFileName, copyOf, isReadOnly } from '../file/file.ts';
import { inPresentForm, type Migration } from '../file/migrations.ts';
import type { Environment } from '../load/environment.ts';
import { type Config, type ConfigDefaults, type ParsedConfig, parseConfig, patternsOf } from '../load/load.ts';
import type { PathEntry } from '../load/path-entry.ts';
import { isFatal, problemText } from '../yaml/problem.ts';

/** The configuration in force, and its text. */
export interface AppliedConfig {
  readonly text: string;
  readonly config: Config;
}

export const EMPTY = 'the configuration file is empty';

interface GoodCopyOptions {
  readonly dataDir: string;
  readonly env: Environment;
  readonly log: Logger;
  readonly migrations?: readonly Migration[];
}

/** The last good version of a file that is wrong as a whole. @throws PerchError with the file's first error when there is none */
export async function lastGood(
  file: string | undefined,
  { problems }: ParsedConfig,
  options: GoodCopyOptions,
  defaults: ConfigDefaults,
): Promise<AppliedConfig> {
  const error = problems.find(isFatal);
  const problem = error ? problemText(error) : 'the configuration is not valid';
  const copy = file && copyOf(file, options.dataDir, 'last-good');
  const kept = copy === undefined ? undefined : await new ConfigText(options.env).read(copy);
  // An older version of Perch may have written it.
  const text = kept === undefined ? undefined : inPresentForm(kept, options.migrations);
  const config = text === undefined ? undefined : parseConfig(text, configFileName(file), options.env, defaults).config;
  if (text === undefined || !config) {
    throw new PerchError('badInput', problem, { file });
  }
  options.log.error({ problem, used: copy }, 'invalid configuration file, using its last good version');
  return { text, config };
}

/** Whether the file has lost its text, as a power cut while an editor writes it: it is empty, and there is a good version that is not. */
export async function isEmptied(
  file: string | undefined,
  text: string,
  { dataDir, env }: GoodCopyOptions,
): Promise<boolean> {
  const kept = file && isBlank(text) ? await new ConfigText(env).read(copyOf(file, dataDir, 'last-good')) : '';
  return !isBlank(kept ?? '');
}

export const isBlank = (text: string): boolean => text.trim() === '';

/** Keeps a copy of a good file. An equal copy is not written again, to spare flash cards. */
export async function keepGood(
  file: string,
  text: string,
  { dataDir, log }: GoodCopyOptions,
  texts: ConfigText,
): Promise<void> {
  const copy = copyOf(file, dataDir, 'last-good');
  try {
    if ((await texts.read(copy)) !== text) {
      await texts.write(copy, text);
    }
  } catch (error) {
    log.warn({ file: copy, cause: explain(error) }, 'cannot save a copy of the good configuration');
  }
}

/** Keeps the text that a whole one replaces. In a data folder that is read-only nothing is kept. */
export async function keepBefore(
  file: string,
  text: string,
  { dataDir }: GoodCopyOptions,
  texts: ConfigText,
): Promise<void> {
  await texts.write(copyOf(file, dataDir, 'before'), text).catch((error: unknown) => {
    if (!isReadOnly(error)) {
      throw error;
    }
  });
}

/** The file's text, or why it cannot be read; neither when there is no file yet. */
export interface FoundText {
  readonly text?: string;
  readonly fault?: string;
}

export async function findText(file: string | undefined, dataDir: string, texts: ConfigText): Promise<FoundText> {
  try {
    const text = file === undefined ? undefined : await texts.read(file, copyOf(file, dataDir, 'journal'));
    if (text !== undefined && isBlank(text)) {
      // An editor may be about to write the file.
      return { fault: EMPTY };
    }
    return text === undefined ? (file === undefined ? {} : { fault: 'the configuration file is missing' }) : { text };
  } catch (error) {
    return faultOf(error);
  }
}

export function faultOf(error: unknown): FoundText {
  if (error instanceof PerchError) {
    return { fault: explain(error) };
  }
  throw error;
}

export const unreadable = (file: string, message: string): ParsedConfig => ({
  problems: [{ severity: 'error', file, key: '', message }],
});

/**
 * `next`, in which paths with an error are as they are in `running`: a mistake in one path of the file does not end its stream when
 * another setting is edited.
 */
export function keepRunning(next: Config, running: Config): Config {
  const kept = [...next.paths].map(([name, entry]): [string, PathEntry] => {
    const before = running.paths.get(name);
    return [name, entry.error !== undefined && before?.settings ? before : entry];
  });
  const paths = new Map(kept);
  return { ...next, paths, patterns: patternsOf(paths) };
}
