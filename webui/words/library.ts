import { library } from './en/library.ts';
import { wordsOf } from './words.ts';

export const libraryWords = wordsOf('library', library);
