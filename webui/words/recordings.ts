import { recordings } from './en/recordings.ts';
import { wordsOf } from './words.ts';

export const recordingsWords = wordsOf('recordings', recordings);
