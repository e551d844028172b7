import { masks } from './en/masks.ts';
import { wordsOf } from './words.ts';

export const maskWords = wordsOf('masks', masks);
