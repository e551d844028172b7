import { basename } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import { readConfigFile } from '../file/file.ts';
import { type Problem, problemText, Report } from '../yaml/problem.ts';
import { parseTree } from '../yaml/tree.ts';
import { fileFaults } from './check-files.ts';
import type { Environment } from './environment.ts';
import { parseConfig } from './load.ts';

/** @returns a line for each thing to be told, and whether Perch would take the file as it is */
export async function checkFile(
  file: string,
  env: Environment,
): Promise<{ readonly lines: readonly string[]; readonly isUsable: boolean }> {
  const text = await readConfigFile(file);
  if (text === undefined) {
    throw new PerchError('notFound', `the configuration file ${file} does not exist`, { file });
  }
  const name = basename(file);
  const cwd = process.cwd();
  const defaults = { recordPath: './recordings/%path/%Y-%m-%d_%H-%M-%S-%f', cwd };
  const { config, problems } = parseConfig(text, name, env, defaults);
  const faults = config ? await fileFaults(config, cwd) : [];
  const all = [...problems, ...warningsAt(faults, text, name)];
  const lines = all.map(
    (problem) => `${problemText(problem)}${problem.severity === 'error' ? '' : ` (${problem.severity})`}`,
  );
  return { lines, isUsable: all.every(({ severity }) => severity !== 'error') };
}

/** Warnings at the lines of their keys; a key that is not written, or comes from the environment, has none. */
function warningsAt(
  faults: readonly { readonly key: string; readonly message: string }[],
  text: string,
  name: string,
): readonly Problem[] {
  const root = parseTree(text, new Report(name));
  const report = new Report(name);
  for (const { key, message } of faults) {
    report.add('warn', root?.entries.get(key) ?? {}, key, message);
  }
  return report.all();
}
