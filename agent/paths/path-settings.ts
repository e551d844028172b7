import { PerchError } from '../base/errors.ts';
import type { Config } from '../config/load/load.ts';
import type { PathEntry } from '../config/load/path-entry.ts';
import { destinationsFor, withGroups } from '../config/schema/forward.ts';
import type { PathSettings } from '../config/schema/path.ts';

/** A change affects only the recorder, not source and readers. */
const RECORD_KEYS = /^record/;
const READER_QUERY = '$MTX_QUERY';

/** The settings of the path `name` by `entry`, with the groups of its regular expression in source and destinations. */
export function settingsFor(entry: PathEntry | undefined, name: string): PathSettings | undefined {
  const { settings, pattern } = entry ?? {};
  const groups = settings && pattern?.exec(name);
  if (!settings || (!groups && settings.forward.length === 0)) {
    return settings;
  }
  const { source, forward } = settings;
  return {
    ...settings,
    source: withGroups(source, groups ?? []),
    forward: destinationsFor(forward, name, groups ?? []),
  };
}

/** The groups of the entry's regular expression in this name, or undefined if the entry is for a single path. */
export const groupsOf = ({ pattern }: PathEntry, name: string): readonly string[] | undefined =>
  pattern && (pattern.exec(name) ?? []).slice(1).map((group) => group ?? '');

const isPulled = ({ source }: PathSettings): boolean => source.includes('://');

/** Whether any path is pulled from a URL. */
export const pullsAny = ({ paths }: Pick<Config, 'paths'>): boolean =>
  [...paths.values()].some(({ settings }) => settings && isPulled(settings));

/** Whether the source runs for readers only: it is pulled on demand, or `runOnDemand` starts its publisher. */
export const isOnDemand = (settings: PathSettings): boolean =>
  settings.source === 'publisher' ? settings.runOnDemand !== '' : settings.sourceOnDemand && isPulled(settings);

export const usesQuery = ({ source }: PathSettings): boolean => source.includes(READER_QUERY);

/** The settings with a reader's query put into the source. */
export function withQuery(settings: PathSettings, query: string): PathSettings {
  return usesQuery(settings)
    ? { ...settings, source: settings.source.replaceAll(READER_QUERY, () => query) }
    : settings;
}

/** A text of all settings that the source depends on: the path restarts when it changes. */
export function sourceKeyOf(settings: PathSettings, config: Config): string {
  const { readTimeoutMs, udpReadBufferSize, dumpPackets, keys } = config;
  const { camera, ...rest } = settings;
  const own = Object.entries(rest).filter(([key]) => !keys.path.live.has(key) && !RECORD_KEYS.test(key));
  // Only the pause and the login of the camera block matter: the rest is read when it is used.
  const login = [camera?.user, camera?.password];
  const pulling = settings.source.includes('://') ? [login, readTimeoutMs, udpReadBufferSize, dumpPackets] : [];
  return JSON.stringify([own.sort(), camera?.paused === true, pulling]);
}

/** A text of all settings that the recorder depends on: the recorder restarts when it changes. */
export function recordKeyOf(settings: PathSettings, { keys }: Config): string {
  const own = Object.entries(settings).filter(([key]) => !keys.path.live.has(key) && RECORD_KEYS.test(key));
  return JSON.stringify(own.sort());
}

export function cannotPublish(name: string): PerchError {
  return new PerchError('badInput', `can't publish to path '${name}' since 'source' is not 'publisher'`, {
    path: name,
  });
}
