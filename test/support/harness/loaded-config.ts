import { expect } from 'vitest';
import { KEYS } from '../../../agent/app/keys.ts';
import { type Config, parseConfig } from '../../../agent/config/load/load.ts';
import { problemText } from '../../../agent/config/yaml/problem.ts';

export { KEYS };

/** The program's defaults. */
export const defaults = { recordPath: '/data/recordings/%path/%Y-%m-%d_%H-%M-%S-%f', cwd: '/home/me', keys: KEYS };
/** `env` are the variables of the environment. */
export const load = (text: string, env: Record<string, string> = {}) => parseConfig(text, 'perch.yml', env, defaults);
/** Problems of `text`, as `perch check` prints them. */
export const linesOf = (text: string, severity: string) =>
  load(text)
    .problems.filter((one) => one.severity === severity)
    .map(problemText);

/** The configuration of a text without an error. */
export function good(text: string, env: Record<string, string> = {}): Config {
  const { config, problems } = load(text, env);
  expect(problems.filter((one) => one.severity === 'error')).toEqual([]);
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}
