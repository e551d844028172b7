import type { Config } from '../../config/load/load.ts';

/** Every different `recordPath` in use, that of paths without an own one included. */
export function recordPathsOf({ pathDefaults, paths }: Config): string[] {
  const all = [...paths.values()].map(({ settings }) => settings?.recordPath ?? pathDefaults.recordPath);
  return [...new Set([pathDefaults.recordPath, ...all])];
}
