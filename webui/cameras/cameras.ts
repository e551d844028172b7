import { computed } from '@preact/signals';
import { paths } from '../box/paths.ts';
import { pairCameras } from './pair.ts';

/** The box's cameras; undefined until it has answered. */
export const cameras = computed(() => (paths.value ? pairCameras(paths.value) : undefined));
