import { computed, effect, signal } from '@preact/signals';
import { paths } from '../box/paths.ts';
import { canPlay, pairCameras } from './pair.ts';

/** The box's cameras; undefined until it has answered. */
export const cameras = computed(() => (paths.value ? pairCameras(paths.value) : undefined));

/** When the page saw a camera go, by its name, in Unix milliseconds. Nothing about those that were away before. */
export const goneMs = signal<ReadonlyMap<string, number>>(new Map());

/** Compares each answer of the box with the one before. */
export function watchCameras(): () => void {
  let before = new Map<string, boolean>();
  return effect(() => {
    const now = new Map((cameras.value ?? []).map((camera) => [camera.name, canPlay(camera.main)]));
    const gone = new Map([...goneMs.peek()].filter(([name]) => now.get(name) === false));
    for (const [name, isThere] of now) {
      if (!isThere && before.get(name) === true) {
        gone.set(name, Date.now());
      }
    }
    before = now.size > 0 ? now : before;
    goneMs.value = gone;
  });
}
