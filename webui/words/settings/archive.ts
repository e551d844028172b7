import { archive } from '../en/settings/archive.ts';
import { wordsOf } from '../words.ts';

export const archiveWords = wordsOf('archive', archive);
