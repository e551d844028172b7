import { basename, join, resolve } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import { ConfigText } from '../file/config-text.ts';
import { placesOf } from '../file/file.ts';
import type { Environment } from '../load/environment.ts';
import { type Config, NO_FILE, parseConfig } from '../load/load.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import { problemText } from '../yaml/problem.ts';
import { readLastStart } from './last-start.ts';

export interface ReadConfig {
  /** Of the file, for people. */
  readonly name: string;
  readonly config: Config;
}

interface ReadOptions {
  readonly cwd: string;
  readonly dataDir: string;
  readonly env: Environment;
  readonly keys: ConfigKeys;
}

/**
 * The configuration of a command that runs next to Perch: it only reads files.
 * @param file of the command line; without one, that with which Perch was last started, else that which it would find
 * @throws PerchError if the file is missing or invalid
 */
export async function readConfig(file: string | undefined, options: ReadOptions): Promise<ReadConfig> {
  const { cwd, env } = options;
  const texts = new ConfigText(env);
  const places = file === undefined ? await likelyPlaces(options) : [resolve(cwd, file)];
  for (const place of places) {
    const text = await texts.read(place);
    if (text !== undefined) {
      return { name: place, config: parsed(text, basename(place), options) };
    }
  }
  if (file !== undefined) {
    throw new PerchError('notFound', `the configuration file ${file} does not exist`);
  }
  return { name: 'no file', config: parsed(NO_FILE, 'perch.yml', options) };
}

async function likelyPlaces({ cwd, dataDir }: ReadOptions): Promise<readonly string[]> {
  const { file } = (await readLastStart(resolve(cwd, dataDir))) ?? {};
  return [...(file === undefined ? [] : [file]), ...placesOf(cwd, dataDir)];
}

function parsed(text: string, name: string, { cwd, dataDir, env, keys }: ReadOptions): Config {
  const recordPath = join(resolve(dataDir), 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f');
  const { config, problems } = parseConfig(text, name, env, { recordPath, cwd, keys });
  const fault = problems.find(({ severity }) => severity === 'error');
  if (!config) {
    throw new PerchError('badInput', fault ? problemText(fault) : `${name} is not valid`);
  }
  return config;
}
