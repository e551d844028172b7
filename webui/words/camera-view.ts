import { computed } from '@preact/signals';
import { cameraView } from './en/camera-view.ts';
import { liveWords, wordsOf } from './words.ts';

const own = wordsOf('cameraView', cameraView);

/** One camera says what the grid says of it, and more. */
export const cameraViewWords = computed(() => ({ ...liveWords.value, ...own.value }));
