import type { Camera } from './camera.ts';

export type Group = readonly [name: string, paths: readonly string[]];

/** Cameras of the live page below one heading. */
export interface Section<T> {
  /** Undefined: no heading; empty: the rest. */
  readonly name: string | undefined;
  readonly cameras: readonly T[];
}

/** The groups with at least one camera that this person may see. */
export const groupsWith = (cameras: readonly Pick<Camera, 'name'>[], groups: readonly Group[]): readonly Group[] =>
  groups.filter(([, paths]) => cameras.some(({ name }) => paths.includes(name)));

/** The groups, then each box with its cameras; a box with the name of a group is part of it. */
export function withBoxes(
  groups: readonly Group[],
  cameras: readonly { readonly name: string; readonly main: Pick<Camera['main'], 'box'> }[],
): readonly Group[] {
  const all = new Map(groups);
  for (const { name, main } of cameras) {
    if (main.box) {
      all.set(main.box.name, [...(all.get(main.box.name) ?? []), name]);
    }
  }
  // One box is the same as all cameras.
  return all.size === 1 && groups.length === 0 && cameras.every(({ main }) => main.box) ? groups : [...all];
}

/** The chosen group alone, else all cameras: each in the first group that has it, then the rest. */
export function sectionsOf<T extends Pick<Camera, 'name'>>(
  cameras: readonly T[],
  groups: readonly Group[],
  chosen: string,
): readonly Section<T>[] {
  const known = groupsWith(cameras, groups);
  const rest = new Map(cameras.map((camera) => [camera.name, camera]));
  const takenBy = (paths: readonly string[]) =>
    paths.flatMap((path) => {
      const camera = rest.get(path);
      rest.delete(path);
      return camera ? [camera] : [];
    });
  const only = known.find(([name]) => name === chosen);
  if (only) {
    return [{ name: undefined, cameras: takenBy(only[1]) }];
  }
  if (known.length === 0) {
    return [{ name: undefined, cameras }];
  }
  return [
    ...known.map(([name, paths]) => ({ name, cameras: takenBy(paths) })),
    { name: '', cameras: [...rest.values()] },
  ].filter((section) => section.cameras.length > 0);
}

/** @param text untrusted */
export function parseGroups(text: string | null): readonly Group[] {
  try {
    const kept: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(kept) ? kept.filter(isGroup) : [];
  } catch {
    return [];
  }
}

const isGroup = (value: unknown): value is Group =>
  Array.isArray(value) && typeof value[0] === 'string' && Array.isArray(value[1]);
