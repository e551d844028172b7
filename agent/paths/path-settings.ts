import { PerchError } from '../base/errors.ts';
import type { Config } from '../config/load/load.ts';
import type { PathEntry } from '../config/load/path-entry.ts';
import type { PathSettings } from '../config/schema/path.ts';

/** What of a path's settings concerns the recorder alone: a change of these leaves source and readers untouched. */
type RecordKey = Extract<keyof PathSettings, `record${string}`>;
const RECORD_KEYS = /^record/;
/** How long recordings are kept is asked anew in each round of the retention; the recorder does not know it. */
const RETENTION_KEYS: ReadonlySet<RecordKey> = new Set(['recordDeleteAfterMs', 'recordMaxSizeBytes']);
/** What is asked of the next reader or publisher alone, and commands that run once. Whatever is not named here begins the path anew. */
const LIVE_KEYS: ReadonlySet<string> = new Set<keyof PathSettings>([
  ...(['maxReaders', 'overridePublisher', 'fallback', 'sourceRedirect', 'webrtc'] as const),
  ...(['sourceOnDemandStartTimeoutMs', 'sourceOnDemandCloseAfterMs'] as const),
  ...(['runOnDemandStartTimeoutMs', 'runOnDemandCloseAfterMs'] as const),
  ...(['runOnUnDemand', 'runOnUnavailable', 'runOnOffline', 'runOnUnread'] as const),
  ...(['runOnRecordSegmentCreate', 'runOnRecordSegmentComplete'] as const),
]);
const READER_QUERY = '$MTX_QUERY';

/** The settings of the path `name` that follows `entry`, with the groups of its regular expression put into the source. */
export function settingsFor(entry: PathEntry | undefined, name: string): PathSettings | undefined {
  const { settings, pattern } = entry ?? {};
  const groups = settings && pattern?.exec(name);
  if (!settings || !groups) {
    return settings;
  }
  let { source } = settings;
  // From the last on, for $G1 is the beginning of $G10. A group that was not needed for the match is empty.
  for (let number = groups.length - 1; number > 0; number -= 1) {
    source = source.replaceAll(`$G${number}`, () => groups[number] ?? '');
  }
  return { ...settings, source };
}

/** What the groups of the entry's regular expression stand for in this name; undefined: it is an entry of this path alone. */
export const groupsOf = ({ pattern }: PathEntry, name: string): readonly string[] | undefined =>
  pattern && [...(pattern.exec(name) ?? [])].slice(1).map((group) => group ?? '');

const isPulled = ({ source }: PathSettings): boolean => source.includes('://');

/** There are cameras, or whatever else serves RTSP. */
export const pullsAny = ({ paths }: Pick<Config, 'paths'>): boolean =>
  [...paths.values()].some(({ settings }) => settings && isPulled(settings));

/** Somebody who wants the stream makes it come: it is pulled, or a hook has it published. */
export const isOnDemand = (settings: PathSettings): boolean =>
  settings.source === 'publisher' ? settings.runOnDemand !== '' : settings.sourceOnDemand && isPulled(settings);

export const usesQuery = ({ source }: PathSettings): boolean => source.includes(READER_QUERY);

/** The settings with a reader's query put into the source. */
export function withQuery(settings: PathSettings, query: string): PathSettings {
  return usesQuery(settings)
    ? { ...settings, source: settings.source.replaceAll(READER_QUERY, () => query) }
    : settings;
}

/** Paths whose source keys are the same go on as they are. */
export function sourceKeyOf(settings: PathSettings, { readTimeoutMs, udpReadBufferSize }: Config): string {
  const { camera, ...rest } = settings;
  const own = Object.entries(rest).filter(([key]) => !RECORD_KEYS.test(key) && !LIVE_KEYS.has(key));
  // Of the camera's block only who logs in to it, if anybody does; the rest is looked at when it is needed.
  const login = [camera?.user, camera?.password, camera?.paused === true];
  const pulling = settings.source.includes('://') ? [login, readTimeoutMs, udpReadBufferSize] : [];
  return JSON.stringify([own.sort(), pulling]);
}

export function recordKeyOf(settings: PathSettings): string {
  const own = Object.entries(settings).filter(([key]) => RECORD_KEYS.test(key)) as [RecordKey, unknown][];
  return JSON.stringify(own.filter(([key]) => !RETENTION_KEYS.has(key)).sort());
}

export function cannotPublish(name: string): PerchError {
  return new PerchError('badInput', `can't publish to path '${name}' since 'source' is not 'publisher'`, {
    path: name,
  });
}
