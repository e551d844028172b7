import { computed } from '@preact/signals';
import { cameraView } from './en/camera-view.ts';
import { liveWords, wordsOf } from './words.ts';

const own = wordsOf('cameraView', cameraView);

/** With the texts of the grid. */
export const cameraViewWords = computed(() => ({ ...liveWords.value, ...own.value }));
