import { isIP } from 'node:net';
import type { Config } from '../../config/load/load.ts';
import type { CameraBlock } from '../../config/schema/path.ts';
import type { Edit, KeyPath } from '../../config/yaml/edit.ts';
import { sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import { hostPortOf, parseHttpUrl } from '../../onvif/soap/http/origin.ts';

/** A configured camera; its paths (main and sub stream, the channels of a recorder) share it. */
export interface FollowedCamera extends CameraBlock {
  readonly onvif: string;
  readonly paths: readonly string[];
}

/** Distinguishes configured cameras as long as their settings stay. */
export const cameraKey = ({ endpoint, serial, onvif }: Pick<CameraBlock, 'endpoint' | 'serial' | 'onvif'>): string =>
  JSON.stringify([endpoint?.toLowerCase(), serial, onvif]);

/** The camera of a path; undefined without an identity or an ONVIF address, and for patterns. */
export function cameraOfPath(config: Config, path: string): FollowedCamera | undefined {
  const entry = config.paths.get(path);
  const { camera } = entry?.settings ?? {};
  if (!camera?.onvif || entry?.pattern || (!camera.endpoint && !camera.serial)) {
    return undefined;
  }
  return { ...camera, onvif: camera.onvif, paths: pathsOf(config, cameraKey(camera)) };
}

/** The host as written: an address without brackets, or a name. */
export const hostOf = (url: string): string => parseHttpUrl(url)?.origin.host ?? '';

export const isSameHost = (a: string, b: string): boolean => hostOf(a) === hostOf(b);

/** The addresses of two services for a person: the hosts, with ports if the hosts are the same. */
export function namesOf(...urls: readonly [string, string]): readonly [string, string] {
  const name = (url: string): string => {
    const origin = parseHttpUrl(url)?.origin;
    return origin && isSameHost(...urls) ? hostPortOf(origin) : hostOf(url);
  };
  return [name(urls[0]), name(urls[1])];
}

/** Minimum length of a serial number that identifies a camera. Shorter ones are `0`, `none` or `12345` in a whole series. */
const MIN_SERIAL = 6;
export const isUniqueSerial = (serial = ''): boolean => serial.trim().length >= MIN_SERIAL;

/**
 * Whether a camera may have moved to this service: at another host, or at another port of its own one. Several cameras may share a host
 * (behind a router, in a simulator), so a port counts only with a serial number that identifies; http and https of one camera are one service.
 */
export function isElsewhere({ onvif = '', serial }: CameraBlock, url: string): boolean {
  const [old, seen] = [parseHttpUrl(onvif)?.origin, parseHttpUrl(url)?.origin];
  if (old?.host !== seen?.host) {
    return true;
  }
  return old?.isSecure === seen?.isSecure && old?.port !== seen?.port && isUniqueSerial(serial);
}

function pathsOf(config: Config, key: string): string[] {
  return [...config.paths.values()].flatMap(({ name, settings, pattern }) =>
    settings?.camera && !pattern && cameraKey(settings.camera) === key ? [name] : [],
  );
}

/** The endpoint belongs to another configured camera, or is shared by cameras of one make. */
export function isEndpointOfOthers(config: Config, endpoint: string | undefined, key: string): boolean {
  return [...config.paths.values()].some(
    ({ settings }) =>
      settings?.camera?.endpoint !== undefined &&
      sameEndpoint(settings.camera.endpoint, endpoint ?? '') &&
      cameraKey(settings.camera) !== key,
  );
}

export interface MovePlan {
  readonly edits: readonly Edit[];
  /** Why nothing is written, for a person. */
  readonly refusal?: string;
}

export type Revise = (plan: (now: { readonly config: Config }) => readonly Edit[]) => Promise<void>;

/** Writes a plan for the current configuration. @throws PerchError if the file cannot be written */
export async function revisePlan(revise: Revise, planFor: (config: Config) => MovePlan): Promise<MovePlan> {
  let plan: MovePlan = { edits: [] };
  await revise(({ config }) => {
    plan = planFor(config);
    return plan.edits;
  });
  return plan;
}

/**
 * The edits for a camera with a new address: its service's address, and host and port of its streams.
 * @param variableOf the environment variable that overrides a key
 * @param streamPort the new port of its streams, if that has changed, too
 */
export function planMove(
  config: Config,
  camera: FollowedCamera,
  to: string,
  variableOf: (keyPath: KeyPath) => string | undefined,
  streamPort?: number,
): MovePlan {
  const [fromHost, toHost] = [hostOf(camera.onvif), hostOf(to)];
  const paths = pathsOf(config, cameraKey(camera));
  if (isIP(fromHost.replace(/%.*/, '')) === 0) {
    return { edits: [], refusal: `the configuration names it '${fromHost}', and a host name is not followed` };
  }
  const oldPort = streamPortOf(config, camera);
  const edits = paths.flatMap((name): Edit[] => {
    const known = sourceOf(config, name);
    // Another port than that of the camera's other streams has been chosen by a person.
    const isMoved = oldPort !== undefined && rtspPortOf(known, fromHost) === oldPort;
    const source = withHost(known, fromHost, toHost, isMoved ? streamPort : undefined);
    const service = { keyPath: ['paths', name, 'camera', 'onvif'], value: to };
    return source === undefined ? [service] : [service, { keyPath: ['paths', name, 'source'], value: source }];
  });
  if (!edits.some(({ keyPath }) => keyPath.at(-1) === 'source')) {
    return { edits: [], refusal: 'its stream comes from another host than its service' };
  }
  return unlessSet(edits, 'address', variableOf);
}

/** The edits for a camera with a new endpoint at the same address. */
export function planEndpoint(
  config: Config,
  camera: FollowedCamera,
  endpoint: string,
  variableOf: (keyPath: KeyPath) => string | undefined,
): MovePlan {
  const paths = pathsOf(config, cameraKey(camera));
  const edits = paths.map((name): Edit => ({ keyPath: ['paths', name, 'camera', 'endpoint'], value: endpoint }));
  return unlessSet(edits, 'endpoint', variableOf);
}

/** The environment overrides the file, so an edit would have no effect. */
function unlessSet(
  edits: readonly Edit[],
  what: string,
  variableOf: (keyPath: KeyPath) => string | undefined,
): MovePlan {
  const variable = edits.map(({ keyPath }) => variableOf(keyPath)).find((name) => name !== undefined);
  return variable === undefined
    ? { edits }
    : { edits: [], refusal: `its ${what} is set by the environment variable ${variable}` };
}

const RTSP_PARTS = /^(\s*rtsps?(?:\+http|\+ws)?:\/\/(?:[^/]*@)?)(\[[\da-f:.]+(?:%[\w.~-]+)?\]|[^\s@/?#:[\]]+)(.*)$/is;

const sourceOf = (config: Config, path: string): string => config.paths.get(path)?.settings?.source ?? '';

/** Port of the camera's streams by plain RTSP; undefined if it has none. */
export function streamPortOf(config: Config, camera: FollowedCamera): number | undefined {
  const ports = pathsOf(config, cameraKey(camera)).map((name) =>
    rtspPortOf(sourceOf(config, name), hostOf(camera.onvif)),
  );
  return ports.find((port) => port !== undefined);
}

/** Undefined for tunnels, whose port is that of a web server, for RTSP over TLS, and for other hosts. */
function rtspPortOf(source: string, host: string): number | undefined {
  const after = withHost(source, host, host) === undefined ? undefined : RTSP_PARTS.exec(source)?.[3];
  return after === undefined || !/^\s*rtsp:/i.test(source) ? undefined : Number(/^:(\d+)/.exec(after)?.[1] ?? 554);
}

/** @param port undefined: as in the source */
export function withHost(source: string, from: string, to: string, port?: number): string | undefined {
  const [, before, host = '', after] = RTSP_PARTS.exec(source) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace('%25', '%');
  if (before === undefined || bare.toLowerCase() !== from.toLowerCase()) {
    return undefined;
  }
  const rest = port === undefined ? after : `:${port}${(after ?? '').replace(/^:\d*/, '')}`;
  return `${before}${to.includes(':') ? `[${to}]` : to}${rest}`;
}
