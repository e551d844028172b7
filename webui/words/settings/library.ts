import { library } from '../en/settings/library.ts';
import { wordsOf } from '../words.ts';

export const libraryWords = wordsOf('library', library);
