import { secure } from '../en/settings/secure.ts';
import { wordsOf } from '../words.ts';

export const secureWords = wordsOf('secure', secure);
