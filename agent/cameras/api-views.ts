import { isIP } from 'node:net';
import type { Static } from 'typebox';
import { withoutZone, zonedUrl, zoneOf } from '../base/network/ip-address.ts';
import type { ReadyPath } from '../config/load/path-entry.ts';
import type {
  AdoptAnswer,
  CameraItem,
  CheckAnswer,
  FoundItem,
  ProbeAnswer,
} from '../http/api/cameras/camera-schemas.ts';
import type { CameraDescription } from '../onvif/device/describe-device.ts';
import { perchOf } from '../onvif/device/perch-camera.ts';
import { DELAY_WORDS, delayOf } from '../onvif/device/streams.ts';
import type { KnownCamera } from '../onvif/discovery/found-cameras.ts';
import { type CameraRequest, isHostName, parseHost } from './adoption/camera-request.ts';
import type { Failure } from './adoption/failure.ts';
import type { ProbeJob } from './adoption/probe-jobs.ts';

type DescriptionJson = NonNullable<Static<typeof CheckAnswer>['description']>;
export type CameraJson = Static<typeof CameraItem>;

export const timeText = (ms: number): string => new Date(ms).toISOString();

/** @param network the box's address in the network for cameras */
export function foundJson(
  camera: KnownCamera,
  path: string | undefined,
  network: string | undefined,
  hidden: boolean,
): Static<typeof FoundItem> {
  const { endpoint, address, url, foundFrom, firstSeenMs, lastSeenMs } = camera;
  return {
    endpoint,
    address,
    onvif: url,
    foundFrom,
    onCameraNetwork: foundFrom === network,
    name: camera.name ?? null,
    manufacturer: camera.manufacturer ?? null,
    hardware: camera.hardware ?? null,
    location: camera.location ?? null,
    firstSeen: timeText(firstSeenMs),
    lastSeen: timeText(lastSeenMs),
    path: path ?? null,
    perch: perchOf(endpoint) ?? null,
    hidden,
  };
}

export function descriptionJson(description: CameraDescription): DescriptionJson {
  const { information, hasPtz, hasEvents, hasSound, hasBackChannel, profiles, suggestions } = description;
  const { manufacturer, model, firmware, serial } = information;
  return {
    manufacturer: manufacturer ?? null,
    model: model ?? null,
    firmware: firmware ?? null,
    serial: serial ?? null,
    hasPtz,
    hasEvents,
    hasSound,
    hasBackChannel: hasBackChannel ?? null,
    profiles: profiles.map(({ token, name, codec, width, height, fps }) => ({
      token,
      name,
      codec: codec ?? null,
      width: whole(width),
      height: whole(height),
      fps: fps ?? null,
    })),
    suggestions: suggestions.map(({ kind, words, profile }) => ({ kind, words, profile: profile ?? null })),
  };
}

const whole = (value: number | undefined): number | null => (value === undefined ? null : Math.round(value));

export const failureJson = (failure: Failure | undefined) => ({
  error: failure?.words ?? null,
  trouble: failure?.trouble ?? null,
  triesLeft: failure?.triesLeft ?? null,
});

/** The requested camera as the client named it, unless that may contain a password. */
export function askedFor({ endpoint, onvif, address, rtsp, source }: CameraRequest): string | null {
  if (endpoint) {
    return endpoint;
  }
  if (address) {
    const { host } = parseHost(address);
    const [plain = ''] = host.replace(/^\[(.*)\]$/, '$1').split('%');
    return isIP(plain) === 0 && !isHostName(host) ? null : address;
  }
  const text = onvif || rtsp || source || '';
  const url = URL.parse(withoutZone(text));
  if (!url?.host) {
    return null;
  }
  const isPlain = onvif && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return isPlain ? zonedUrl(url, zoneOf(text)) : url.host;
}

/**
 * Streams that could not be probed when the camera was added, and those that have no room now.
 * @param faultOf why the source of a path fails
 */
export const pendingJson = (
  streams: readonly Pick<ReadyPath, 'name' | 'settings'>[],
  faultOf: (name: string) => unknown = () => undefined,
): CameraJson['pending'] =>
  streams.flatMap(({ name, settings }) => {
    const now = delayOf(faultOf(name));
    const why = settings.camera?.pending ?? (now === 'slow' ? undefined : now);
    return why === undefined ? [] : [{ path: name, why, words: DELAY_WORDS[why] }];
  });

type AdoptItem = Static<typeof AdoptAnswer>['items'][number];

export const runningItem = (request: CameraRequest): AdoptItem => ({
  status: 'running',
  camera: askedFor(request),
  slow: false,
  ...failureJson(undefined),
  title: null,
  path: null,
  paths: [],
  pending: [],
  description: null,
});

export const failedItem = (request: CameraRequest, failure: Failure): AdoptItem => ({
  ...runningItem(request),
  status: 'error',
  ...failureJson(failure),
  path: failure.path ?? null,
});

export function probeJobJson({ isSlow, at, failure, ...job }: ProbeJob): Static<typeof ProbeAnswer> {
  const streams = at?.onvif === undefined ? at : undefined;
  const device = at?.onvif === undefined ? undefined : at;
  return {
    ...job,
    slow: isSlow,
    onvif: device?.onvif ?? null,
    rtsp: streams?.main ?? null,
    sub: streams?.sub ?? null,
    makers: streams?.makers ?? null,
    name: device?.name ?? null,
    manufacturer: device?.manufacturer ?? null,
    model: device?.model ?? null,
    ...failureJson(failure),
  };
}
