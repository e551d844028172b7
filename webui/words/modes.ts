import { modes } from './en/modes.ts';
import { wordsOf } from './words.ts';

export const modesWords = wordsOf('modes', modes);
