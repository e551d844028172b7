import { formatDuration } from '../values/duration.ts';
import { patternOf } from '../values/path-name.ts';
import { rangeStartOf } from '../values/range-start.ts';
import { formatSize } from '../values/size.ts';
import { isFfmpegSource } from './ffmpeg-source.ts';
import type { GlobalSettings } from './global.ts';
import type { PathSettings } from './path.ts';
import { attempt, isSupportedSource, sourceKind } from './syntax.ts';

/** A rule that values break together, told at one of their keys. */
export interface Fault {
  readonly key: string;
  readonly message: string;
}

const DAY_MS = 86_400_000;
/** Some seconds of a camera. */
const MIN_PATH_BYTES = 10 << 20;

/** MediaMTX's limit: what delta updates leave out is at least six target durations old (RFC 8216bis §4.4.3.8). */
export const MIN_LOW_LATENCY_SEGMENTS = 7;

const LONGER_THAN_ZERO = [
  ...(['readTimeout', 'writeTimeout', 'recordSyncInterval'] as const),
  ...(['hlsSegmentDuration', 'hlsPartDuration'] as const),
  ...(['webrtcHandshakeTimeout', 'webrtcTrackGatherTimeout'] as const),
];

/** What MediaMTX checks of the top-level keys at start. */
export function globalFaults(settings: GlobalSettings): readonly Fault[] {
  const faults: Fault[] = [];
  for (const key of LONGER_THAN_ZERO) {
    if (settings[`${key}Ms`] <= 0) {
      faults.push({ key, message: 'must be longer than zero' });
    }
  }
  return [
    ...faults,
    ...methodFaults(settings),
    ...userFaults(settings),
    ...rtspFaults(settings),
    ...webrtcFaults(settings),
  ];
}

/** Going on without what a method needs would open, or close, what its author did not mean. */
function methodFaults(settings: GlobalSettings): readonly Fault[] {
  const faults: Fault[] = [];
  const { authMethod, authHTTPAddress, authJWTJWKS, authHTTPExclude, authJWTExclude } = settings;
  if (authMethod === 'http' && authHTTPAddress === '') {
    faults.push({ key: 'authMethod', message: "'http' needs authHTTPAddress: the server that decides" });
  }
  if (authMethod === 'jwt' && authJWTJWKS === '') {
    faults.push({ key: 'authMethod', message: "'jwt' needs authJWTJWKS: where the public keys are" });
  }
  if (authMethod !== 'internal' && settings.rtsp && settings.rtspAuthMethods.includes('digest')) {
    const message = `digest proves nothing to authMethod ${authMethod}, which wants the password itself: leave digest out`;
    faults.push({ key: 'rtspAuthMethods', message });
  }
  for (const [key, rules] of Object.entries({ authHTTPExclude, authJWTExclude })) {
    faults.push(...rules.flatMap(({ path }, i) => ruleFaults(path, `${key}[${i}].path`)));
  }
  return faults;
}

function userFaults({ authInternalUsers: users }: GlobalSettings): readonly Fault[] {
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
  return result && 'fault' in result ? [{ key, message: result.fault }] : [];
}

function rtspFaults(settings: GlobalSettings): readonly Fault[] {
  const faults: Fault[] = [];
  const { writeQueueSize, rtspTransports, rtspAuthMethods, authInternalUsers } = settings;
  if ((writeQueueSize & (writeQueueSize - 1)) !== 0) {
    faults.push({ key: 'writeQueueSize', message: `'${writeQueueSize}' is not a power of two, such as 512` });
  }
  if (rtspTransports.length === 0) {
    faults.push({ key: 'rtspTransports', message: 'must name at least one of udp, multicast, tcp' });
  }
  if (rtspAuthMethods.length === 0) {
    faults.push({ key: 'rtspAuthMethods', message: 'must name at least one of basic, digest' });
  }
  const hashed = authInternalUsers.findIndex(({ user, pass }) => isHashed(user) || isHashed(pass));
  if (rtspAuthMethods.includes('digest') && hashed >= 0) {
    const message = `digest needs plain names and passwords, and authInternalUsers[${hashed}] has a hash: leave digest out`;
    faults.push({ key: 'rtspAuthMethods', message });
  }
  return faults;
}

const isHashed = (credential: string): boolean => /^(sha256|argon2):/.test(credential);

function webrtcFaults(settings: GlobalSettings): readonly Fault[] {
  if (!settings.webrtc) {
    return [];
  }
  const { webrtcLocalUDPAddress: udp, webrtcLocalTCPAddress: tcp, webrtcICEServers2: servers } = settings;
  if (udp === '' && tcp === '') {
    const message = 'WebRTC needs this address, webrtcLocalTCPAddress or webrtcICEServers2';
    return servers.length > 0 ? [] : [{ key: 'webrtcLocalUDPAddress', message }];
  }
  if (!settings.webrtcIPsFromInterfaces && settings.webrtcAdditionalHosts.length === 0) {
    return [{ key: 'webrtcIPsFromInterfaces', message: 'when this is off, webrtcAdditionalHosts must name a host' }];
  }
  return [];
}

/** What MediaMTX checks of the recording keys of a path. `hasPlayback`: recordings are found again by their names. */
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

/** What a path's source can be, and which keys go with it. */
export function sourceFaults(settings: PathSettings, isPattern: boolean): readonly Fault[] {
  const { source, sourceOnDemand, sourceRedirect } = settings;
  if (!isSupportedSource(source)) {
    return [
      { key: 'source', message: `'${sourceKind(source)}' is not supported yet: write an rtsp:// URL or publisher` },
    ];
  }
  const isPulled = source.includes('://');
  const faults: Fault[] = [];
  if (isPattern && isPulled && !sourceOnDemand) {
    const message = 'a source for a pattern of names needs sourceOnDemand: yes, because nobody knows the names before';
    faults.push({ key: 'source', message });
  }
  if (sourceOnDemand && source === 'publisher') {
    faults.push({ key: 'sourceOnDemand', message: "is of no use with the source 'publisher', which is not pulled" });
  }
  if (source === 'redirect' && sourceRedirect === '') {
    faults.push({ key: 'sourceRedirect', message: "the source 'redirect' needs this key: where readers are sent" });
  }
  if (source !== 'redirect' && sourceRedirect !== '') {
    faults.push({ key: 'sourceRedirect', message: "is of no use unless the source is 'redirect'" });
  }
  return [...faults, ...pullFaults(settings)];
}

/** Which commands can run for the path at all. */
export function commandFaults(settings: PathSettings, isPattern: boolean): readonly Fault[] {
  const { source, sourceOnDemand, runOnInit, runOnDemandStartTimeoutMs } = settings;
  const faults: Fault[] = [];
  if (isPattern && runOnInit !== '') {
    const message =
      'a command cannot run from the beginning for a pattern of names, because nobody knows the names before';
    faults.push({ key: 'runOnInit', message });
  }
  for (const key of ['runOnDemand', 'runOnUnDemand'] as const) {
    if (settings[key] !== '' && source !== 'publisher') {
      faults.push({ key, message: "needs the source 'publisher', for the command is to publish to the path" });
    }
  }
  if (settings.runOnDemand !== '' && runOnDemandStartTimeoutMs <= 0) {
    faults.push({ key: 'runOnDemandStartTimeout', message: 'must be longer than zero' });
  }
  if (isFfmpegSource(source) && !sourceOnDemand && runOnInit !== '') {
    faults.push({
      key: 'runOnInit',
      message: 'cannot stand beside the source ffmpeg://, which is such a command itself',
    });
  }
  return faults;
}

/** What belongs to pulling over RTSP. */
function pullFaults(settings: PathSettings): readonly Fault[] {
  const faults: Fault[] = [];
  const { rtspRangeType, rtspRangeStart, rtspScale, rtspUDPSourcePortRange: ports } = settings;
  if (settings.sourceOnDemandStartTimeoutMs <= 0) {
    faults.push({ key: 'sourceOnDemandStartTimeout', message: 'must be longer than zero' });
  }
  const range = attempt(() => rangeStartOf(rtspRangeType, rtspRangeStart));
  if ('fault' in range) {
    faults.push({ key: 'rtspRangeStart', message: range.fault });
  }
  if (!/^(-?\d{1,4}(\.\d{1,6})?)?$/.test(rtspScale)) {
    faults.push({ key: 'rtspScale', message: `'${rtspScale}' is not a number such as 2.0` });
  }
  const [first = 0, last = 0] = ports;
  if (ports.length !== 2 || last - first < 1) {
    const message = `[${ports.join(', ')}] is not the first and the last of at least two ports: write for example [32768, 60999]`;
    faults.push({ key: 'rtspUDPSourcePortRange', message });
  }
  return faults;
}
