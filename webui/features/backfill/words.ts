import { wordsOf } from '../../words/words.ts';
import { en } from './words/en.ts';

export const backfillWords = wordsOf('backfill', en);
