import { masks } from '../en/settings/masks.ts';
import { wordsOf } from '../words.ts';

export const maskWords = wordsOf('masks', masks);
