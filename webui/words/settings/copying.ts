import { copying } from '../en/settings/copying.ts';
import { wordsOf } from '../words.ts';

export const copyingWords = wordsOf('copying', copying);
