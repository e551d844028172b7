import { computed } from '@preact/signals';
import { cinema } from './en/cinema.ts';
import { liveWords, wordsOf } from './words.ts';

const own = wordsOf('cinema', cinema);

/** One camera says what the grid says of it, and more. */
export const cinemaWords = computed(() => ({ ...liveWords.value, ...own.value }));
