import { you } from '../en/settings/you.ts';
import { wordsOf } from '../words.ts';

export const youWords = wordsOf('you', you);
