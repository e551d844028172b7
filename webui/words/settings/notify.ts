import { notify } from '../en/settings/notify.ts';
import { wordsOf } from '../words.ts';

export const notifyWords = wordsOf('notify', notify);
