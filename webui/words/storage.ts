import { storage } from './en/storage.ts';
import { wordsOf } from './words.ts';

export const storageWords = wordsOf('storage', storage);
