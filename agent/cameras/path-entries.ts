import { PerchError } from '../base/errors.ts';
import type { Config } from '../config/load/load.ts';
import type { PathEntry, ReadyPath } from '../config/load/path-entry.ts';
import { SUB_SUFFIX } from './adoption/plan.ts';
import { linkEvenIfPaused } from './onvif/onvif-link.ts';

/** Configured cameras in their owner's order; a sub stream is not a camera. */
export function camerasOf(config: Config): ReadyPath[] {
  return [...config.paths.values()]
    .filter(isReady)
    .filter(({ settings, pattern }) => settings.camera !== undefined && pattern === undefined)
    .filter(({ name }) => !isSubStream(name, config))
    .sort((a, b) => orderOf(a) - orderOf(b) || (a.name < b.name ? -1 : 1));
}

/** @throws PerchError notFound */
export function cameraAt(path: string, config: Config): ReadyPath {
  const camera = camerasOf(config).find(({ name }) => name === path);
  if (!camera) {
    throw new PerchError('notFound', 'no camera has this path', { path });
  }
  return camera;
}

/** A configured path that is no sub stream; it may have no `camera:` block. @throws PerchError notFound */
export function mainPathAt(path: string, config: Config): ReadyPath {
  const entry = config.paths.get(path);
  if (!entry || !isReady(entry) || entry.pattern !== undefined || isSubStream(path, config)) {
    throw new PerchError('notFound', 'no camera has this path', { path });
  }
  return entry;
}

/** The path of a camera's sub stream: `hall_sub` belongs to `hall` unless its `camera:` block names another ONVIF service. */
export function subOf(name: string, config: Config): ReadyPath | undefined {
  const [main, sub] = [config.paths.get(name), config.paths.get(name + SUB_SUFFIX)];
  if (!main || !isReady(main) || !sub || !isReady(sub)) {
    return undefined;
  }
  const onvif = sub.settings.camera?.onvif;
  return onvif === undefined || onvif === main.settings.camera?.onvif ? sub : undefined;
}

export const isSubStream = (name: string, config: Config): boolean =>
  name.endsWith(SUB_SUFFIX) && subOf(name.slice(0, -SUB_SUFFIX.length), config) !== undefined;

/** The paths of one channel: main and sub stream. */
export function streamsOf(camera: ReadyPath, config: Config): ReadyPath[] {
  const sub = subOf(camera.name, config);
  return sub ? [camera, sub] : [camera];
}

/** All paths of the camera's device, which has one login: a recorder has several cameras. */
export function pathsOfDevice(camera: ReadyPath, config: Config): ReadyPath[] {
  const key = linkEvenIfPaused(camera.settings)?.key;
  const others = [...config.paths.values()]
    .filter(isReady)
    .filter(({ settings }) => key !== undefined && linkEvenIfPaused(settings)?.key === key);
  return [...new Set([...streamsOf(camera, config), ...others])];
}

/** Not infinite, because the difference of infinities is NaN. */
const LAST = Number.MAX_SAFE_INTEGER;
const orderOf = ({ settings }: ReadyPath): number => settings.camera?.order ?? LAST;

export const isReady = (path: PathEntry): path is ReadyPath => path.settings !== undefined;
