import type { ImportForecast, TransferItems } from '../api-client/api-types.ts';
import { type Camera, readableName } from '../cameras/camera.ts';

export type Group = ImportForecast['groups'][number];

/** Where the recordings of a group go: to a camera, a new one of this name, or nowhere. */
export type Target =
  | { readonly to: 'camera'; readonly path: string }
  | { readonly to: 'new'; readonly name: string }
  | { readonly to: 'nowhere' };

/** Names are the same without case, blanks and marks between words. */
const plain = (text: string): string => text.toLowerCase().replaceAll(/[\s_./-]+/g, '');

const lastPart = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The camera of the group's name, else a new one. @param folder that was looked into */
export function firstTarget(
  { name }: Pick<Group, 'name'>,
  folder: string,
  cameras: readonly Pick<Camera, 'name' | 'title'>[],
): Target {
  const own = name === '' ? lastPart(folder) : name;
  for (const text of [own, lastPart(own)]) {
    const found = cameras.find((camera) => [camera.name, camera.title].some((one) => plain(one) === plain(text)));
    if (found) {
      return { to: 'camera', path: found.name };
    }
  }
  return { to: 'new', name: readableName(lastPart(own)) };
}

/** Undefined if a new camera has no name yet, or nothing is chosen. */
export function itemsOf(groups: readonly Group[], targets: ReadonlyMap<string, Target>): TransferItems | undefined {
  const items: TransferItems = [];
  for (const { group } of groups) {
    const target = targets.get(group);
    if (target?.to === 'camera') {
      items.push({ group, path: target.path });
    } else if (target?.to === 'new') {
      const name = target.name.trim();
      if (name === '') {
        return undefined;
      }
      items.push({ group, name });
    }
  }
  return items.length > 0 ? items : undefined;
}
