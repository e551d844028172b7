import { secure } from './en/secure.ts';
import { wordsOf } from './words.ts';

export const secureWords = wordsOf('secure', secure);
