import { DAY_MS } from '../../base/time/units.ts';
import { formatDuration } from '../values/duration.ts';
import { patternOf } from '../values/path-name.ts';
import { formatSize } from '../values/size.ts';
import type { GeneralSettings } from './common/general.ts';
import { attempt, type Fault, notPositive } from './common/key-rules.ts';
import type { ConfigKeys } from './config-keys.ts';
import { isFfmpegSource } from './ffmpeg-source.ts';
import type { GlobalSettings } from './global.ts';
import type { PathSettings } from './path.ts';

/** Smallest `recordMaxSize`: a few seconds of a camera. */
const MIN_PATH_BYTES = 10 << 20;

/**
 * MediaMTX's checks of the top-level keys.
 * @param isOwn Perch made the file itself
 */
export function globalFaults(
  settings: GlobalSettings,
  { features, servers }: Pick<ConfigKeys, 'features' | 'servers'>,
  isOwn: boolean,
): readonly Fault[] {
  return [
    ...notPositive(settings, ['readTimeout', 'writeTimeout', 'recordSyncInterval']),
    ...methodFaults(settings),
    ...userFaults(settings),
    ...queueFaults(settings),
    ...features.flatMap((keys) => keys.faults?.(settings) ?? []),
    ...servers.flatMap((keys) => keys.faults(settings, isOwn)),
  ];
}

function queueFaults({ writeQueueSize: size }: GeneralSettings): readonly Fault[] {
  return (size & (size - 1)) === 0
    ? []
    : [{ key: 'writeQueueSize', message: `'${size}' is not a power of two, such as 512` }];
}

/** A method without its server would grant, or deny, all access. */
function methodFaults(settings: GeneralSettings): readonly Fault[] {
  const faults: Fault[] = [];
  const { authMethod, authHTTPAddress, authJWTJWKS, authHTTPExclude, authJWTExclude } = settings;
  if (authMethod === 'http' && authHTTPAddress === '') {
    faults.push({ key: 'authMethod', message: "'http' needs authHTTPAddress, the server that decides" });
  }
  if (authMethod === 'jwt' && authJWTJWKS === '') {
    faults.push({ key: 'authMethod', message: "'jwt' needs authJWTJWKS, the URL of the public keys" });
  }
  for (const [key, rules] of Object.entries({ authHTTPExclude, authJWTExclude })) {
    faults.push(...rules.flatMap(({ path }, i) => ruleFaults(path, `${key}[${i}].path`)));
  }
  return faults;
}

function userFaults({ authInternalUsers: users }: GeneralSettings): readonly Fault[] {
  const faults: Fault[] = [];
  for (const [i, { user, pass, permissions }] of users.entries()) {
    if (user === 'any' && pass !== '') {
      faults.push({ key: `authInternalUsers[${i}].pass`, message: "the user 'any' cannot have a password" });
    }
    for (const [j, { path }] of permissions.entries()) {
      faults.push(...ruleFaults(path, `authInternalUsers[${i}].permissions[${j}].path`));
    }
  }
  return faults;
}

function ruleFaults(path: string, key: string): readonly Fault[] {
  const result = path.startsWith('~') ? attempt(() => patternOf(path)) : undefined;
  return result && 'fault' in result ? [{ key, message: `${result.fault}: it matches nothing`, isPartial: true }] : [];
}

/** MediaMTX's checks of the recording keys of a path. `hasPlayback`: file names need the microseconds. */
export function recordFaults(settings: PathSettings, hasPlayback: boolean): readonly Fault[] {
  const faults: Fault[] = [];
  const { recordPath, recordSegmentDurationMs: segmentMs, recordDeleteAfterMs: deleteAfterMs } = settings;
  const message = recordPathFault(recordPath, hasPlayback);
  if (message !== undefined) {
    faults.push({ key: 'recordPath', message });
  }
  if (segmentMs > DAY_MS || segmentMs <= 0) {
    const shown = formatDuration(segmentMs) || '0s';
    faults.push({
      key: 'recordSegmentDuration',
      message: `'${shown}' is not within the limits of more than 0s up to 1d`,
    });
  }
  if (settings.recordPartDurationMs <= 0) {
    faults.push({ key: 'recordPartDuration', message: 'must be longer than zero' });
  }
  if (segmentMs <= DAY_MS && deleteAfterMs !== 0 && deleteAfterMs < segmentMs) {
    const limit = `recordSegmentDuration, which is ${formatDuration(segmentMs)}`;
    faults.push({ key: 'recordDeleteAfter', message: `'${formatDuration(deleteAfterMs)}' is shorter than ${limit}` });
  }
  const { recordMaxSizeBytes: maxBytes } = settings;
  if (maxBytes !== 0 && maxBytes < MIN_PATH_BYTES) {
    const limit = `${formatSize(MIN_PATH_BYTES)} that recordings need at least`;
    faults.push({ key: 'recordMaxSize', message: `'${formatSize(maxBytes)}' is less than the ${limit}: 0 = no limit` });
  }
  return faults;
}

function recordPathFault(template: string, hasPlayback: boolean): string | undefined {
  const lacks = (variable: string): boolean => !template.includes(variable);
  if (lacks('%path')) {
    return 'must contain %path';
  }
  if (lacks('%s') && ['%Y', '%m', '%d', '%H', '%M', '%S'].some(lacks)) {
    return 'must contain either %s or all of %Y %m %d %H %M %S';
  }
  return hasPlayback && lacks('%f') ? 'must contain %f, because playback is on' : undefined;
}

/** Checks which commands can run for the path. */
export function commandFaults(settings: PathSettings, isPattern: boolean): readonly Fault[] {
  const { source, sourceOnDemand, runOnInit, runOnDemandStartTimeoutMs } = settings;
  const faults: Fault[] = [];
  if (isPattern && runOnInit !== '') {
    const message =
      'a command cannot run at startup for a pattern of names, because the names are not known in advance';
    faults.push({ key: 'runOnInit', message });
  }
  for (const key of ['runOnDemand', 'runOnUnDemand'] as const) {
    if (settings[key] !== '' && source !== 'publisher') {
      faults.push({ key, message: "needs the source 'publisher', because the command publishes to the path" });
    }
  }
  if (settings.runOnDemand !== '' && runOnDemandStartTimeoutMs <= 0) {
    faults.push({ key: 'runOnDemandStartTimeout', message: 'must be longer than zero' });
  }
  if (isFfmpegSource(source) && !sourceOnDemand && runOnInit !== '') {
    faults.push({
      key: 'runOnInit',
      message: 'cannot be combined with the source ffmpeg://, which is such a command itself',
    });
  }
  return faults;
}
