import { type Config, patternsOf } from '../load/load.ts';
import type { PathEntry } from '../load/path-entry.ts';

/**
 * The configuration `next` with those paths as they are in `running` that it has wrong: somebody's slip in one path of the
 * file must not end that path's stream when another setting is edited. It holds as soon as it is right.
 */
export function keepRunning(next: Config, running: Config): Config {
  const kept = [...next.paths].map(([name, entry]): [string, PathEntry] => {
    const before = running.paths.get(name);
    return [name, entry.error !== undefined && before?.settings ? before : entry];
  });
  const paths = new Map(kept);
  return { ...next, paths, patterns: patternsOf(paths) };
}
