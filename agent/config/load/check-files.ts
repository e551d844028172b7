import { existsSync } from 'node:fs';
import { type FileHandle, readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { explain, PerchError } from '../../base/errors.ts';
import { openRegularFile } from '../../base/files/open-regular-file.ts';
import { ConfigText } from '../file/config-text.ts';
import { absoluteKeyFiles, isLeftToUs } from '../file/key-pair.ts';
import type { Fault } from '../schema/common/key-rules.ts';
import type { KeyPairUse } from '../schema/common/server-keys.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import { portsOf } from '../schema/ports.ts';
import { type Problem, problemText, Report } from '../yaml/problem.ts';
import { parseTree } from '../yaml/tree.ts';
import type { Environment } from './environment.ts';
import { type Config, parseConfig } from './load.ts';
import type { PathEntry } from './path-entry.ts';

/** @returns a line for each problem, and whether Perch would take the file as it is */
export async function checkFile(
  file: string,
  env: Environment,
  keys: ConfigKeys,
): Promise<{ readonly lines: readonly string[]; readonly isUsable: boolean }> {
  const text = await new ConfigText(env).read(file);
  if (text === undefined) {
    throw new PerchError('notFound', `the configuration file ${file} does not exist`, { file });
  }
  const name = basename(file);
  const cwd = process.cwd();
  const defaults = { recordPath: './recordings/%path/%Y-%m-%d_%H-%M-%S-%f', cwd, keys };
  const { config, problems } = parseConfig(text, name, env, defaults);
  const faults = config ? await fileFaults(config, cwd) : [];
  const all = [...problems, ...warningsAt(faults, text, name)];
  const lines = all.map(
    (problem) => `${problemText(problem)}${problem.severity === 'error' ? '' : ` (${problem.severity})`}`,
  );
  return { lines, isUsable: all.every(({ severity }) => severity !== 'error') };
}

/** Warnings at the lines of their keys; a key that is not in the file has no line. */
function warningsAt(faults: readonly Fault[], text: string, name: string): readonly Problem[] {
  const root = parseTree(text, new Report(name));
  const report = new Report(name);
  for (const { key, message } of faults) {
    report.add('warn', root?.entries.get(key) ?? {}, key, message);
  }
  return report.all();
}

/**
 * Files of the configuration that a server cannot use now. The configuration is valid all the same: a running Perch retries until
 * they exist.
 */
async function fileFaults(config: Config, cwd: string): Promise<readonly Fault[]> {
  const pairs = portsOf(config, config.keys).flatMap(({ keyPair }) => keyPair ?? []);
  const clips = [...config.paths.values()].map((path) => clipFaults(path, cwd));
  return (await Promise.all([...pairs.map((pair) => pairFaults(pair, cwd)), ...clips])).flat();
}

/** Whether the file can be read and begins as MP4; more is checked when it is played. */
async function clipFaults({ name, settings }: PathEntry, cwd: string): Promise<readonly Fault[]> {
  const { alwaysAvailable = false, alwaysAvailableFile: file = '' } = settings ?? {};
  if (!alwaysAvailable || file === '') {
    return [];
  }
  const key = `paths.${name}.alwaysAvailableFile`;
  const path = resolve(cwd, file);
  let handle: FileHandle | undefined;
  try {
    handle = await openRegularFile(path, 'links');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    const isMp4 = bytesRead === 8 && buffer.toString('latin1', 4) === 'ftyp';
    return isMp4 ? [] : [{ key, message: `${path} is not an MP4 file: it does not begin with 'ftyp'` }];
  } catch (error) {
    const reason = error instanceof PerchError ? explain(error) : (error as NodeJS.ErrnoException).code;
    return [{ key, message: `${path} cannot be read (${reason})` }];
  } finally {
    await handle?.close();
  }
}

async function pairFaults({ server, prefix, key, cert, reason }: KeyPairUse, cwd: string): Promise<readonly Fault[]> {
  const files = absoluteKeyFiles({ key, cert }, cwd);
  if (isLeftToUs({ key, cert }) && !existsSync(files.key) && !existsSync(files.cert)) {
    // Perch makes its own key pair.
    return [];
  }
  const faults: Fault[] = [];
  const read = async (setting: string, file: string): Promise<Buffer | undefined> => {
    try {
      return await readFile(file);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? explain(error);
      const message = `${file} cannot be read (${code}): the ${server} server needs it, because ${reason}`;
      faults.push({ key: setting, message });
      return undefined;
    }
  };
  const keyBytes = await read(`${prefix}ServerKey`, files.key);
  const certBytes = await read(`${prefix}ServerCert`, files.cert);
  try {
    createSecureContext(keyBytes && certBytes ? { key: keyBytes, cert: certBytes } : {});
  } catch (error) {
    const message = `${files.key} and ${files.cert} are not a key and its certificate (${explain(error)})`;
    faults.push({ key: `${prefix}ServerKey`, message });
  }
  return faults;
}
