import { computed } from '@preact/signals';
import { paths } from '../api-client/paths.ts';
import { pairCameras } from './camera.ts';

/** Undefined until the first response. */
export const cameras = computed(() => (paths.value ? pairCameras(paths.value) : undefined));

/** Cameras whose live video this person may watch: viewers may have access to recordings only. */
export const watchable = computed(() => cameras.value?.filter(({ main }) => main.mayRead !== false));

export const maySeeRecordings = computed(
  () => !paths.value?.length || paths.value.some(({ mayPlayback }) => mayPlayback !== false),
);
