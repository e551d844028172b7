import { PerchError } from '../../base/errors.ts';
import { splitUrl } from '../../base/network/url-parts.ts';
import type { Config } from '../../config/load/load.ts';
import { checkStreamPath } from '../../config/values/path-name.ts';
import type { Edit } from '../../config/yaml/edit.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { StreamDelay } from '../../onvif/device/streams.ts';
import { plainEndpoint } from '../../onvif/discovery/found-camera.ts';
import { isUniqueSerial } from '../following/followed-camera.ts';

/** Suffix of the path of a camera's sub stream. */
export const SUB_SUFFIX = '_sub';

/** Identifies a camera. Serial numbers and endpoints are claims; cheap boards of one make share both. */
export interface Identity {
  readonly endpoint?: string | undefined;
  readonly serial?: string | undefined;
  /** URL of the ONVIF device service. */
  readonly onvif?: string | undefined;
  readonly source?: string | undefined;
}

export interface StreamPlan {
  /** URL of the stream, without credentials if it is RTSP, or undefined if the camera was too busy to name it. */
  readonly source: string | undefined;
  readonly rtpSDP?: string | undefined;
  readonly profile?: string | undefined;
  readonly delay?: StreamDelay | undefined;
}

/** A camera to add: two paths for each video source. */
export interface CameraPlan {
  readonly identity: Identity;
  readonly fingerprint?: string | undefined;
  readonly title: string;
  /** A person has chosen the title: it stays although another camera has it. */
  readonly isTitled: boolean;
  /** Name of the path; default: made from `called`. */
  readonly name: string | undefined;
  readonly called: readonly (string | undefined)[];
  readonly credentials: Credentials | undefined;
  readonly clearPassword: boolean;
  /** Undefined: as `pathDefaults`, but always if they say no. */
  readonly record: 'always' | 'motion' | 'no' | undefined;
  readonly again: boolean;
  readonly channels: readonly { readonly main: StreamPlan; readonly sub: StreamPlan | undefined }[];
}

export interface AdoptedPath {
  readonly name: string;
  readonly sub: string | undefined;
}

/** The existing path of a camera. Patterns do not count. */
export function pathOfCamera(identity: Identity, config: Config): string | undefined {
  for (const { name, settings } of config.paths.values()) {
    const { endpoint, serial, onvif } = settings?.camera ?? {};
    if (settings && isSameCamera(identity, { endpoint, serial, onvif, source: settings.source })) {
      return name;
    }
  }
  return undefined;
}

interface CameraEdits {
  readonly edits: Edit[];
  readonly paths: AdoptedPath[];
  readonly title: string;
}

/**
 * The edits that add a camera to the current configuration.
 * @throws PerchError badInput if the camera or its name exists
 */
export function editsFor(plan: CameraPlan, config: Config): CameraEdits {
  const identity = { ...plan.identity, source: plan.channels[0]?.main.source };
  const former = plan.again ? undefined : pathOfCamera(identity, config);
  if (former !== undefined) {
    throw new PerchError('badInput', `this camera exists already: path '${former}'`, { taken: former });
  }
  const isTaken = (name: string): boolean => config.paths.has(name);
  if (plan.name !== undefined) {
    checkName(plan.name, isTaken);
  }
  const base = plan.name ?? freePathName([plan.title, ...plan.called], (name) => isTaken(name) || isReserved(name));
  const record = plan.record ?? (config.pathDefaults.record === 'no' ? 'always' : undefined);
  const edits: Edit[] = [];
  const shown = plan.isTitled ? plan.title : freeTitle(plan.title, config);
  const paths = plan.channels.map(({ main, sub }, i): AdoptedPath => {
    const isOne = plan.channels.length === 1;
    const name = isOne ? base : freeName(`${base}_${i + 1}`, isTaken);
    const title = isOne ? shown : `${shown} ${i + 1}`;
    edits.push({ keyPath: ['paths', name], value: blockOf(plan, main, title, record) });
    if (sub) {
      edits.push({ keyPath: ['paths', name + SUB_SUFFIX], value: blockOf(plan, sub, title, 'no') });
    }
    return { name, sub: sub && name + SUB_SUFFIX };
  });
  return { edits, paths, title: oneLine(shown) };
}

/** With a number if another camera has the title: cameras of one model often have the same name. */
function freeTitle(title: string, config: Config): string {
  const taken = new Set([...config.paths.values()].map(({ settings }) => settings?.camera?.name));
  for (let number = 1; ; number += 1) {
    const free = number === 1 ? title : `${title} ${number}`;
    if (!taken.has(oneLine(free)) && !taken.has(oneLine(`${free} 1`))) {
      return free;
    }
  }
}

/** A path name made of a camera's name: `Haustür (links)` becomes `haustur_links`. */
export function pathNameOf(text: string): string {
  const plain = text
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    // Leaves room for `_sub` and a number.
    .slice(0, 40)
    .replace(/^_+|_+$/g, '');
  // Such a name would be that of another camera's sub stream.
  return plain.endsWith(SUB_SUFFIX) ? plain.slice(0, -SUB_SUFFIX.length) : plain;
}

/** The first text that gives a name, with a number if it is taken. */
export function freePathName(texts: readonly (string | undefined)[], isTaken: (name: string) => boolean): string {
  return freeName(texts.map((text) => pathNameOf(text ?? '')).find((name) => name !== '') ?? 'camera', isTaken);
}

function freeName(base: string, isTaken: (name: string) => boolean): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base}_${number}`;
    if (!isTaken(name) && !isTaken(name + SUB_SUFFIX)) {
      return name;
    }
  }
}

/** Suffixes of WebRTC addresses: a path with such an ending would have no page. */
const RESERVED = ['whep', 'whip', 'talk'];
const lastPart = (name: string): string => name.slice(name.lastIndexOf('/') + 1);
const isReserved = (name: string): boolean => RESERVED.includes(lastPart(name));

function checkName(name: string, isTaken: (name: string) => boolean): void {
  checkStreamPath(name);
  if (isReserved(name)) {
    const words = `invalid path name: '${lastPart(name)}' is reserved as the last part of an address: choose another name`;
    throw new PerchError('badInput', words);
  }
  // With `_sub` it would be the sub stream of another path.
  const large = name.endsWith(SUB_SUFFIX) ? name.slice(0, -SUB_SUFFIX.length) : name;
  const taken = [name, name + SUB_SUFFIX, large].find(isTaken);
  if (taken !== undefined) {
    throw new PerchError('badInput', `path '${taken}' exists already: choose another name`, { taken });
  }
}

/** Removes line breaks, and bidi controls, which would reorder the text that follows (Unicode UAX #9 §2). */
export const oneLine = (text: string): string =>
  text
    .replace(/\p{Bidi_Control}/gu, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();

function blockOf(plan: CameraPlan, stream: StreamPlan, title: string, record: CameraPlan['record']): object {
  const { identity, credentials, clearPassword, fingerprint } = plan;
  const { onvif, endpoint, serial } = identity;
  const camera = {
    name: oneLine(title).slice(0, 200),
    onvif,
    profile: stream.profile,
    endpoint,
    serial,
    fingerprint,
    pending: stream.delay,
    user: credentials?.user,
    password: credentials?.password,
    ...(clearPassword ? { clearPassword } : {}),
  };
  return {
    // Without a source the path is not pulled; it gets one when the camera has named it.
    ...(stream.source === undefined ? { sourceOnDemand: false } : { source: stream.source }),
    ...(stream.rtpSDP && { rtpSDP: stream.rtpSDP }),
    ...(record && { record: record === 'motion' ? record : record === 'always' }),
    camera: Object.fromEntries(Object.entries(camera).filter(([, value]) => value !== undefined && value !== '')),
  };
}

/** Whether two cameras are the same, as far as is known without a connection. */
export function isSameCamera(a: Identity, b: Identity): boolean {
  if (differ(a.serial, b.serial)) {
    return false;
  }
  const isThere = () => sameAddress(a.onvif, b.onvif) || sameAddress(a.source, b.source);
  const hasSerial = same(a.serial, b.serial) && isUniqueSerial(a.serial);
  const [endpoint, other] = [a.endpoint, b.endpoint].map((one) => one && plainEndpoint(one));
  if (differ(endpoint, other)) {
    // Some cameras change their endpoint at each start.
    return hasSerial && isThere();
  }
  return same(endpoint, other) || hasSerial || isThere();
}

const differ = (a = '', b = ''): boolean => a !== '' && b !== '' && a.toLowerCase() !== b.toLowerCase();
const same = (a = '', b = ''): boolean => a !== '' && a.toLowerCase() === b.toLowerCase();

function sameAddress(a: string | undefined, b: string | undefined): boolean {
  const first = plainAddress(a);
  return first !== undefined && first === plainAddress(b);
}

const USUAL_PORTS: Readonly<Record<string, number>> = { rtsp: 554, rtsps: 322, http: 80, https: 443 };

/** Host, port, path and query without login: a recorder has a path for each camera. */
function plainAddress(text = ''): string | undefined {
  const parts = splitUrl(text);
  const usual = USUAL_PORTS[parts?.scheme.replace(/\+.*/, '') ?? ''];
  if (!parts || usual === undefined) {
    return undefined;
  }
  return `${parts.scheme}://${parts.host.toLowerCase()}:${parts.port ?? usual}${parts.rest || '/'}`;
}
