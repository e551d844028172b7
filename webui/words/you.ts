import { you } from './en/you.ts';
import { wordsOf } from './words.ts';

export const youWords = wordsOf('you', you);
