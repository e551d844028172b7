import { modes } from '../en/settings/modes.ts';
import { wordsOf } from '../words.ts';

export const modesWords = wordsOf('modes', modes);
