import { archive } from './en/archive.ts';
import { wordsOf } from './words.ts';

export const archiveWords = wordsOf('archive', archive);
