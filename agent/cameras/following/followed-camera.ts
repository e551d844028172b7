import { isIP } from 'node:net';
import type { Config } from '../../config/load/load.ts';
import type { CameraSettings } from '../../config/schema/path.ts';
import type { Edit, KeyPath } from '../../config/yaml/edit.ts';
import { sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import { parseHttpUrl } from '../../onvif/soap/http/http-exchange.ts';

/** A camera as the configuration names it; its paths (main and small stream, the lenses of a recorder) share it. */
export interface FollowedCamera extends CameraSettings {
  readonly onvif: string;
  readonly paths: readonly string[];
}

/** What tells cameras apart in the configuration, for as long as they are where they are. */
export const keyOf = ({ endpoint, serial, onvif }: Pick<CameraSettings, 'endpoint' | 'serial' | 'onvif'>): string =>
  JSON.stringify([endpoint?.toLowerCase(), serial, onvif]);

/** The camera of a path; undefined without an identity and a place to ask for it, and for entries that stand for many paths. */
export function cameraOfPath(config: Config, path: string): FollowedCamera | undefined {
  const entry = config.paths.get(path);
  const { camera } = entry?.settings ?? {};
  if (!camera?.onvif || entry?.pattern || (!camera.endpoint && !camera.serial)) {
    return undefined;
  }
  return { ...camera, onvif: camera.onvif, paths: pathsOf(config, keyOf(camera)) };
}

/** Its host, as it was written: an address without brackets, or a name. */
export const hostOf = (url: string): string => parseHttpUrl(url)?.place.host ?? '';

function pathsOf(config: Config, key: string): string[] {
  return [...config.paths.values()].flatMap(({ name, settings, pattern }) =>
    settings?.camera && !pattern && keyOf(settings.camera) === key ? [name] : [],
  );
}

/** Whose endpoint it is, by the configuration: another camera's, or two cameras' of a make that gives all the same. */
export function isEndpointOfOthers(config: Config, endpoint: string | undefined, key: string): boolean {
  return [...config.paths.values()].some(
    ({ settings }) =>
      settings?.camera?.endpoint !== undefined &&
      sameEndpoint(settings.camera.endpoint, endpoint ?? '') &&
      keyOf(settings.camera) !== key,
  );
}

export interface MovePlan {
  readonly edits: readonly Edit[];
  /** Why nothing is written, in words for a person. */
  readonly refusal?: string;
}

/**
 * What has to be written for a camera that is at another address now: where its service is, and the host of its streams, all else of
 * their addresses as it is.
 * @param variableOf the variable of the environment that sets a key whatever the file says
 */
export function planMove(
  config: Config,
  camera: FollowedCamera,
  to: string,
  variableOf: (keyPath: KeyPath) => string | undefined,
): MovePlan {
  const [fromHost, toHost] = [hostOf(camera.onvif), hostOf(to)];
  const paths = pathsOf(config, keyOf(camera));
  if (isIP(fromHost.replace(/%.*/, '')) === 0) {
    return { edits: [], refusal: `the configuration names it '${fromHost}', and a name leads where it leads` };
  }
  const edits = paths.flatMap((name): Edit[] => {
    const source = withHost(config.paths.get(name)?.settings?.source ?? '', fromHost, toHost);
    return [
      { keyPath: ['paths', name, 'camera', 'onvif'], value: to },
      ...(source === undefined ? [] : [{ keyPath: ['paths', name, 'source'], value: source }]),
    ];
  });
  if (!edits.some(({ keyPath }) => keyPath.at(-1) === 'source')) {
    return { edits: [], refusal: 'its stream comes from another host than its service' };
  }
  return unlessSet(edits, 'address', variableOf);
}

/** The same for one that tells another endpoint, where it is. */
export function planEndpoint(
  config: Config,
  camera: FollowedCamera,
  endpoint: string,
  variableOf: (keyPath: KeyPath) => string | undefined,
): MovePlan {
  const paths = pathsOf(config, keyOf(camera));
  const edits = paths.map((name): Edit => ({ keyPath: ['paths', name, 'camera', 'endpoint'], value: endpoint }));
  return unlessSet(edits, 'endpoint', variableOf);
}

/** What the environment sets is so whatever the file says. */
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

/** @returns undefined when the source is at another host */
export function withHost(source: string, from: string, to: string): string | undefined {
  const [, before, host = '', after] = RTSP_PARTS.exec(source) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace('%25', '%');
  if (before === undefined || bare.toLowerCase() !== from.toLowerCase()) {
    return undefined;
  }
  return `${before}${to.includes(':') ? `[${to}]` : to}${after}`;
}
