import { basename } from 'node:path';
import { PerchError } from '../base/errors.ts';
import type { Environment } from './environment.ts';
import { readConfigFile } from './file.ts';
import { parseConfig } from './load.ts';
import { problemText } from './problem.ts';

/** @returns a line for each thing to be told, and whether Perch would take the file as it is */
export async function checkFile(
  file: string,
  env: Environment,
): Promise<{ readonly lines: readonly string[]; readonly isUsable: boolean }> {
  const text = await readConfigFile(file);
  if (text === undefined) {
    throw new PerchError('notFound', `the configuration file ${file} does not exist`, { file });
  }
  const defaults = { recordPath: './recordings/%path/%Y-%m-%d_%H-%M-%S-%f', cwd: process.cwd() };
  const { problems } = parseConfig(text, basename(file), env, defaults);
  const lines = problems.map(
    (problem) => `${problemText(problem)}${problem.severity === 'error' ? '' : ` (${problem.severity})`}`,
  );
  return { lines, isUsable: problems.every(({ severity }) => severity !== 'error') };
}
