import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../load/load.ts';
import type { PathEntry } from '../load/path-entry.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import { resolvedName, type SchemaNode } from '../schema/node.ts';
import { formatDuration } from '../values/duration.ts';
import { formatSize } from '../values/size.ts';

/** A difference between two configurations, in words without secrets. */
export interface Change {
  /** The only path, or pattern of paths, that it concerns. */
  readonly path?: string;
  /** Such as `source changed; recording switched on`. */
  readonly words: string;
  /** As in the file; none for a path that was added or removed. */
  readonly keys: readonly string[];
  /** The path has them from `pathDefaults`, whose own change is reported too. */
  readonly isInherited?: true;
}

/** Changed paths beyond this are only counted. */
const MAX_PATHS = 20;

/** The top-level keys first, then `pathDefaults`, then each path by its name: 20 at most, the rest as a number. */
export function changesBetween(before: Config, after: Config): readonly Change[] {
  const { global, path } = after.keys;
  const changes: Change[] = [];
  if (before.isOwn !== after.isOwn) {
    const words = after.isOwn ? "this is Perch's own setup now" : "this is no longer Perch's own setup";
    changes.push({ words, keys: ['perch'] });
  }
  const whole = keysBetween(global.schema, { ...before }, { ...after });
  const defaults = keysBetween(path.schema, before.pathDefaults, after.pathDefaults);
  if (whole) {
    changes.push(whole);
  }
  if (defaults) {
    changes.push({
      words: `pathDefaults: ${defaults.words}`,
      keys: defaults.keys.map((key) => `pathDefaults.${key}`),
    });
  }
  const names = [...new Set([...before.paths.keys(), ...after.paths.keys()])].sort();
  const paths = names.flatMap((name) => {
    const entry = after.paths.get(name);
    const change = pathBetween(before.paths.get(name), entry, after.keys);
    const isInherited = isFrom(defaults, change, entry, after) ? { isInherited: true as const } : {};
    return change ? [{ path: name, ...change, ...isInherited }] : [];
  });
  changes.push(...paths.slice(0, MAX_PATHS));
  const more = paths.slice(MAX_PATHS);
  if (more.length > 0) {
    const isInherited = more.every((change) => change.isInherited) ? { isInherited: true as const } : {};
    changes.push({ words: `${more.length} more paths changed`, keys: [], ...isInherited });
  }
  return changes;
}

/** Whether a path changed only because `pathDefaults` did. */
function isFrom(
  defaults: Change | undefined,
  change: Change | undefined,
  entry: PathEntry | undefined,
  { pathDefaults, keys }: Config,
): boolean {
  if (!defaults || !entry?.settings || !change || change.keys.length === 0) {
    return false;
  }
  const own = keysBetween(keys.path.schema, pathDefaults, entry.settings)?.keys ?? [];
  return change.keys.every((key) => defaults.keys.includes(key) && !own.includes(key));
}

function pathBetween(
  before: PathEntry | undefined,
  after: PathEntry | undefined,
  { path }: ConfigKeys,
): Change | undefined {
  if (!before || !after) {
    return { words: after ? 'added' : 'removed', keys: [] };
  }
  if (before.settings && after.settings) {
    return keysBetween(path.schema, before.settings, after.settings);
  }
  if (before.error === after.error) {
    return undefined;
  }
  return { words: after.error === undefined ? 'valid again' : 'disabled: invalid in the file', keys: [] };
}

function keysBetween(schema: SchemaNode, before: object, after: object): Change | undefined {
  const words: string[] = [];
  const keys: string[] = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const key = resolvedName(name, property);
    const now = (after as Values)[key];
    if (!isDeepStrictEqual((before as Values)[key], now)) {
      keys.push(name);
      words.push(wordsFor(name, property, now));
    }
  }
  return keys.length === 0 ? undefined : { words: words.join('; '), keys };
}

/** Shows no texts: a URL, a command or a name may hold a password. */
function wordsFor(name: string, schema: SchemaNode, now: unknown): string {
  if (name === 'record') {
    return now === 'motion' ? 'recording around events only' : `recording switched ${now === 'no' ? 'off' : 'on'}`;
  }
  if (typeof now === 'boolean') {
    return `${name} switched ${now ? 'on' : 'off'}`;
  }
  if (typeof now === 'number') {
    const shown = schema.unit === 'Ms' ? formatDuration(now) || '0s' : schema.unit === 'Bytes' ? formatSize(now) : now;
    return `${name} is ${shown} now`;
  }
  return schema.enum && typeof now === 'string' && now !== '' ? `${name} is ${now} now` : `${name} changed`;
}

type Values = Readonly<Record<string, unknown>>;
