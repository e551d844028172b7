import { dirname, relative, resolve } from 'node:path';
import type { Config } from '../load/load.ts';

interface Folders {
  readonly dataDir: string;
  /** Relative names begin here. */
  readonly cwd: string;
}

/**
 * Whether a file or folder is in the data folder, or in one that the configuration names already, such as that of a USB disk.
 * @param name may have the variables of `recordPath`; empty: none
 */
export function isInNamedFolder(name: string, config: Config, { dataDir, cwd }: Folders): boolean {
  if (name === '') {
    return true;
  }
  const place = resolve(cwd, fixedPart(name));
  // Below the variables, too, no name leads out.
  const isPlain = !name.split('/').includes('..');
  return isPlain && [dataDir, ...foldersOf(config, cwd)].some((folder) => isWithin(place, folder));
}

function foldersOf({ pathDefaults, paths, hlsDirectory, archiveFolder }: Config, cwd: string): readonly string[] {
  const settings = [pathDefaults, ...[...paths.values()].flatMap((entry) => entry.settings ?? [])];
  const names = [
    ...settings.flatMap(({ recordPath, alwaysAvailableFile: file }) => [
      fixedPart(recordPath),
      ...(file === '' ? [] : [dirname(resolve(cwd, file))]),
    ]),
    ...[hlsDirectory, archiveFolder].filter((one) => one !== ''),
  ];
  // A template at the root names no folder.
  return [...new Set(names)].map((one) => resolve(cwd, one)).filter((folder) => folder !== '/');
}

/** The folder before the first variable. */
function fixedPart(template: string): string {
  const variable = template.indexOf('%');
  return variable < 0 ? template : template.slice(0, template.lastIndexOf('/', variable) + 1);
}

const isWithin = (place: string, folder: string): boolean => !/^\.\.(?:\/|$)/.test(relative(folder, place));
