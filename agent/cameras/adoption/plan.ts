import { PerchError } from '../../base/errors.ts';
import type { Config } from '../../config/load/load.ts';
import { checkStreamPath } from '../../config/values/path-name.ts';
import type { Edit } from '../../config/yaml/edit.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { StreamDelay } from '../../onvif/device/streams.ts';
import { freeName, freePathName, SUB_SUFFIX } from './path-names.ts';
import { type Identity, isSameCamera } from './same-camera.ts';

export interface StreamPlan {
  /** Without credentials; undefined: the camera was too busy to name it. */
  readonly source: string | undefined;
  /** ONVIF token. */
  readonly profile?: string | undefined;
  /** Why it has not been proved yet. */
  readonly delay?: StreamDelay | undefined;
}

/** What becomes of a camera: two paths for each of its lenses. */
export interface CameraPlan {
  readonly identity: Identity;
  /** Of its certificate, where its ONVIF is spoken to over https. */
  readonly fingerprint?: string | undefined;
  readonly title: string;
  /** Of the path, as it is wanted; else it is made of `called`. */
  readonly name: string | undefined;
  readonly called: readonly (string | undefined)[];
  readonly credentials: Credentials | undefined;
  readonly clearPassword: boolean;
  /** Undefined: as `pathDefaults` say, and always where they say no. */
  readonly record: 'always' | 'motion' | 'no' | undefined;
  /** It is taken although one like it is there. */
  readonly again: boolean;
  readonly channels: readonly { readonly main: StreamPlan; readonly sub: StreamPlan | undefined }[];
}

export interface AdoptedPath {
  readonly name: string;
  readonly sub: string | undefined;
}

/** The path that a camera has already. Entries of the file that stand for many names are none. */
export function pathOfCamera(identity: Identity, config: Config): string | undefined {
  for (const { name, settings } of config.paths.values()) {
    const { endpoint, serial, onvif } = settings?.camera ?? {};
    if (settings && isSameCamera(identity, { endpoint, serial, onvif, source: settings.source })) {
      return name;
    }
  }
  return undefined;
}

/**
 * What has to be written for it, by what the configuration has now.
 * @throws PerchError badInput when the camera or its name is there already
 */
export function editsFor(plan: CameraPlan, config: Config): { readonly edits: Edit[]; readonly paths: AdoptedPath[] } {
  const identity = { ...plan.identity, source: plan.channels[0]?.main.source };
  const former = plan.again ? undefined : pathOfCamera(identity, config);
  if (former !== undefined) {
    throw new PerchError('badInput', `this camera is there already: path '${former}'`, { taken: former });
  }
  const isTaken = (name: string): boolean => config.paths.has(name);
  if (plan.name !== undefined) {
    checkName(plan.name, isTaken);
  }
  const base = plan.name ?? freePathName([plan.title, ...plan.called], (name) => isTaken(name) || isReserved(name));
  const record = plan.record ?? (config.pathDefaults.record === 'no' ? 'always' : undefined);
  const edits: Edit[] = [];
  const paths = plan.channels.map(({ main, sub }, i): AdoptedPath => {
    const isOne = plan.channels.length === 1;
    const name = isOne ? base : freeName(`${base}_${i + 1}`, isTaken);
    const title = isOne ? plan.title : `${plan.title} ${i + 1}`;
    edits.push({ keyPath: ['paths', name], value: blockOf(plan, main, title, record) });
    if (sub) {
      edits.push({ keyPath: ['paths', name + SUB_SUFFIX], value: blockOf(plan, sub, title, 'no') });
    }
    return { name, sub: sub && name + SUB_SUFFIX };
  });
  return { edits, paths };
}

/** What stands behind the path in the addresses of WebRTC: a path that ends so has no page of its own. */
const RESERVED = ['whep', 'whip', 'talk'];
const lastPart = (name: string): string => name.slice(name.lastIndexOf('/') + 1);
const isReserved = (name: string): boolean => RESERVED.includes(lastPart(name));

function checkName(name: string, isTaken: (name: string) => boolean): void {
  checkStreamPath(name);
  if (isReserved(name)) {
    const words = `invalid path name: '${lastPart(name)}' is reserved as the last part of an address: take another name`;
    throw new PerchError('badInput', words);
  }
  // With `_sub` it would be the small stream of another.
  const large = name.endsWith(SUB_SUFFIX) ? name.slice(0, -SUB_SUFFIX.length) : name;
  const taken = [name, name + SUB_SUFFIX, large].find(isTaken);
  if (taken !== undefined) {
    throw new PerchError('badInput', `there is a path '${taken}' already: take another name`, { taken });
  }
}

/**
 * What cameras and people give as a name may have line breaks, which lists and logs have no place for, and marks that turn
 * what is written behind them around (Unicode UAX #9 §2).
 */
export const oneLine = (text: string): string =>
  text
    .replace(/\p{Bidi_Control}/gu, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();

function blockOf(plan: CameraPlan, stream: StreamPlan, title: string, record: CameraPlan['record']): object {
  const { identity, credentials, clearPassword, fingerprint } = plan;
  const { onvif, endpoint, serial } = identity;
  const camera = {
    ...{ name: oneLine(title).slice(0, 200), onvif, profile: stream.profile, endpoint, serial, fingerprint },
    pending: stream.delay,
    ...{ user: credentials?.user, password: credentials?.password },
    ...(clearPassword ? { clearPassword } : {}),
  };
  return {
    // A path without a source is not pulled. It gets one when the camera has named it.
    ...(stream.source === undefined ? { sourceOnDemand: false } : { source: stream.source }),
    ...(record && { record: record === 'motion' ? record : record === 'always' }),
    camera: Object.fromEntries(Object.entries(camera).filter(([, value]) => value !== undefined && value !== '')),
  };
}
