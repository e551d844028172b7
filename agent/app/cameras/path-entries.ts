import { PerchError } from '../../base/errors.ts';
import { SUB_SUFFIX } from '../../cameras/adoption/path-names.ts';
import type { Config } from '../../config/load/load.ts';
import type { PathEntry, ReadyPath } from '../../config/load/path-entry.ts';
import { anyLinkOf } from './grouping.ts';

/** The cameras of a configuration in their owner's order. The small stream of a camera is no camera of its own. */
export function camerasOf(config: Config): ReadyPath[] {
  return [...config.paths.values()]
    .filter(isReady)
    .filter(({ settings, pattern }) => settings.camera !== undefined && pattern === undefined)
    .filter(({ name }) => !name.endsWith(SUB_SUFFIX) || !isSub(name, config))
    .sort((a, b) => placeOf(a) - placeOf(b) || (a.name < b.name ? -1 : 1));
}

/** @throws PerchError notFound */
export function cameraAt(path: string, config: Config): ReadyPath {
  const camera = camerasOf(config).find(({ name }) => name === path);
  if (!camera) {
    throw new PerchError('notFound', 'no camera has this path', { path });
  }
  return camera;
}

/** Its small stream. */
export function subOf(name: string, config: Config): ReadyPath | undefined {
  const [main, sub] = [config.paths.get(name), config.paths.get(name + SUB_SUFFIX)];
  const [camera, other] = [main?.settings?.camera, sub?.settings?.camera];
  return sub && isReady(sub) && camera && other && camera.onvif === other.onvif ? sub : undefined;
}

/** The paths of one lens: its own, and the one of its small stream. */
export function streamsOf(camera: ReadyPath, config: Config): ReadyPath[] {
  const sub = subOf(camera.name, config);
  return sub ? [camera, sub] : [camera];
}

/** All paths of the device that the camera belongs to, which has one login: a recorder has a camera for each of its lenses. */
export function pathsOfDevice(camera: ReadyPath, config: Config): ReadyPath[] {
  const key = anyLinkOf(camera.settings)?.key;
  const others = [...config.paths.values()]
    .filter(isReady)
    .filter(({ settings }) => key !== undefined && anyLinkOf(settings)?.key === key);
  return [...new Set([...streamsOf(camera, config), ...others])];
}

/** A difference of infinities would be no number. */
const LAST = Number.MAX_SAFE_INTEGER;
const placeOf = ({ settings }: ReadyPath): number => settings.camera?.order ?? LAST;

const isSub = (name: string, config: Config): boolean => subOf(name.slice(0, -SUB_SUFFIX.length), config) !== undefined;

export const isReady = (path: PathEntry): path is ReadyPath => path.settings !== undefined;
