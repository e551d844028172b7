import { sources } from '../en/settings/sources.ts';
import { wordsOf } from '../words.ts';

export const sourceWords = wordsOf('sources', sources);
