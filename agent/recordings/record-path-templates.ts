import type { Config } from '../config/load/load.ts';

/** Every `recordPath` in use, once; that of `pathDefaults` is always among them. */
export function recordPathsOf({ pathDefaults, paths }: Config): string[] {
  const all = [...paths.values()].map(({ settings }) => settings?.recordPath ?? pathDefaults.recordPath);
  return [...new Set([pathDefaults.recordPath, ...all])];
}
