import { notify } from './en/notify.ts';
import { wordsOf } from './words.ts';

export const notifyWords = wordsOf('notify', notify);
