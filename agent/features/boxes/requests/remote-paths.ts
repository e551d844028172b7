import { type Config, resolvePath } from '../../../config/load/load.ts';
import { type RemotePath, remotePathOf } from '../../../config/values/remote-path.ts';
import { settingsFor } from '../../../paths/path-settings.ts';

/** The camera of another box that a path shows, or undefined if it is a camera of this box. */
export function remoteOf(config: Config, name: string): RemotePath | undefined {
  return remotePathOf(settingsFor(resolvePath(config, name), name)?.source ?? '');
}

/** The names of a configuration's paths by box and path there; those of patterns are not known. */
export function namesByBox({ paths }: Pick<Config, 'paths'>): Map<string, Map<string, string[]>> {
  const boxes = new Map<string, Map<string, string[]>>();
  for (const [name, { settings, pattern }] of paths) {
    const remote = settings && !pattern ? remotePathOf(settings.source) : undefined;
    if (remote) {
      const ofBox = boxes.get(remote.box) ?? new Map<string, string[]>();
      boxes.set(remote.box, ofBox.set(remote.path, [...(ofBox.get(remote.path) ?? []), name]));
    }
  }
  return boxes;
}
