import { storage } from '../en/settings/storage.ts';
import { wordsOf } from '../words.ts';

export const storageWords = wordsOf('storage', storage);
