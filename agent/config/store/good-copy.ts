import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { nameOf, ownFileOf, readConfigFile } from '../file/file.ts';
import { inPresentForm, type Migration } from '../file/migrations.ts';
import type { Environment } from '../load/environment.ts';
import { type Config, type ConfigDefaults, type ParsedConfig, parseConfig } from '../load/load.ts';
import { problemText } from '../yaml/problem.ts';

/** What holds, and the text that says it. */
export interface InForce {
  readonly text: string;
  readonly config: Config;
}

interface GoodCopyOptions {
  readonly dataDir: string;
  readonly env: Environment;
  readonly log: Logger;
  readonly migrations?: readonly Migration[];
}

/** In the place of a file that is wrong as a whole. @throws PerchError with the first of its errors when there is no copy */
export async function lastGood(
  file: string | undefined,
  { problems }: ParsedConfig,
  options: GoodCopyOptions,
  defaults: ConfigDefaults,
): Promise<InForce> {
  const error = problems.find((one) => one.severity === 'error' && one.path === undefined);
  const problem = error ? problemText(error) : 'the configuration is not valid';
  const copy = file && copyOf(file, options.dataDir, 'last-good');
  const kept = copy === undefined ? undefined : await readConfigFile(copy);
  // An older version may have kept it.
  const text = kept === undefined ? undefined : inPresentForm(kept, options.migrations);
  const config = text === undefined ? undefined : parseConfig(text, nameOf(file), options.env, defaults).config;
  if (text === undefined || !config) {
    throw new PerchError('badInput', problem, { file });
  }
  options.log.error({ problem, used: copy }, 'configuration file is wrong, its last good version is used');
  return { text, config };
}

/** Beside the data folder's own file under its name; the copy of any other file carries a mark of where that is. */
export function copyOf(file: string, dataDir: string, kind: 'last-good' | 'before'): string {
  const mark = createHash('sha256').update(file).digest('hex').slice(0, 8);
  const isOwn = file === ownFileOf(dataDir);
  return join(dataDir, isOwn ? `${basename(file)}.${kind}` : `${basename(file)}.${mark}.${kind}`);
}
