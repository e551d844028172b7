import { wordsOf } from '../../words/words.ts';
import { en } from './words/en.ts';

export const acmeWords = wordsOf('acme', en);
