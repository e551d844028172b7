import { wordsOf } from '../../words/words.ts';
import { en } from './words/en.ts';

export const reachWords = wordsOf('reach', en);
