import { reasons } from './en/reasons.ts';
import { wordsOf } from './words.ts';

export const reasonsWords = wordsOf('reasons', reasons);
