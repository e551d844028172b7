import { isIP } from 'node:net';
import type { Config } from '../../config/load/load.ts';
import type { CameraBlock } from '../../config/schema/path.ts';
import type { Edit, KeyPath } from '../../config/yaml/edit.ts';
import { sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import { parseHttpUrl } from '../../onvif/soap/http/origin.ts';

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
 * The edits for a camera with a new address: its service's address, and the host of its streams.
 * @param variableOf the environment variable that overrides a key
 */
export function planMove(
  config: Config,
  camera: FollowedCamera,
  to: string,
  variableOf: (keyPath: KeyPath) => string | undefined,
): MovePlan {
  const [fromHost, toHost] = [hostOf(camera.onvif), hostOf(to)];
  const paths = pathsOf(config, cameraKey(camera));
  if (isIP(fromHost.replace(/%.*/, '')) === 0) {
    return { edits: [], refusal: `the configuration names it '${fromHost}', and a host name is not followed` };
  }
  const edits = paths.flatMap((name): Edit[] => {
    const source = withHost(config.paths.get(name)?.settings?.source ?? '', fromHost, toHost);
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

export function withHost(source: string, from: string, to: string): string | undefined {
  const [, before, host = '', after] = RTSP_PARTS.exec(source) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace('%25', '%');
  if (before === undefined || bare.toLowerCase() !== from.toLowerCase()) {
    return undefined;
  }
  return `${before}${to.includes(':') ? `[${to}]` : to}${after}`;
}
