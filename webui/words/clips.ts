import { clips } from './en/clips.ts';
import { wordsOf } from './words.ts';

export const clipWords = wordsOf('clips', clips);
