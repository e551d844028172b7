import { computed } from '@preact/signals';
import { paths } from '../api-client/paths.ts';
import { pairCameras } from './camera.ts';

/** The device's cameras; undefined until it has answered. */
export const cameras = computed(() => (paths.value ? pairCameras(paths.value) : undefined));

/** Viewers may see some cameras' recordings alone. */
export const watchable = computed(() => cameras.value?.filter(({ main }) => main.mayRead !== false));

/** False for whoever may look at nothing that was recorded. */
export const maySeeRecordings = computed(
  () => !paths.value?.length || paths.value.some(({ mayPlayback }) => mayPlayback !== false),
);
