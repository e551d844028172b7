import type { CameraEvent } from '../api-client/recordings/event-list.ts';
import type { Group } from '../cameras/sections.ts';
import type { Clip } from './clip.ts';

/** The box's limits for a film of several cameras: number of cameras, and length. */
export const MAX_FILM_CAMERAS = 16;
export const MAX_FILM_MS = 3_600_000;

/** The camera of a clip, those with an event (none of the box's own) within it, and those of the same groups. @param known in their order */
export function filmCameras(
  path: string,
  { startMs, endMs }: Clip,
  events: readonly CameraEvent[],
  groups: readonly Group[],
  known: readonly string[],
): readonly string[] {
  const saw = events.filter(
    (event) => !event.type.startsWith('perch.') && event.startMs <= endMs && (event.endMs ?? event.startMs) >= startMs,
  );
  const names = new Set(saw.map((event) => event.path));
  for (const [, paths] of groups.filter(([, paths]) => paths.includes(path))) {
    for (const name of paths) {
      names.add(name);
    }
  }
  const others = known.filter((name) => names.has(name) && name !== path);
  return [path, ...others].slice(0, MAX_FILM_CAMERAS);
}
