import { start } from './en/start.ts';
import { wordsOf } from './words.ts';

export const startWords = wordsOf('start', start);
