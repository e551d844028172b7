import type { Config } from '../config/load/load.ts';
import type { HasRecorded } from '../record/file/template-overlap.ts';

/** Every `recordPath` in use, once; that of `pathDefaults` is always among them. */
export function recordPathsOf({ pathDefaults, paths }: Config): string[] {
  const all = [...paths.values()].map(({ settings }) => settings?.recordPath ?? pathDefaults.recordPath);
  return [...new Set([pathDefaults.recordPath, ...all])];
}

/** Without memory of former configurations. */
export const configuredTemplate =
  ({ paths }: Config): HasRecorded =>
  (path, template) =>
    paths.get(path)?.settings?.recordPath === template;
