import { cameras } from '../en/settings/cameras.ts';
import { wordsOf } from '../words.ts';

export const camerasWords = wordsOf('cameras', cameras);
