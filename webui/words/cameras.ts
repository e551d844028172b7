import { cameras } from './en/cameras.ts';
import { wordsOf } from './words.ts';

export const camerasWords = wordsOf('cameras', cameras);
