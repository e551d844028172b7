import { boxes } from '../en/settings/boxes.ts';
import { wordsOf } from '../words.ts';

export const boxesWords = wordsOf('boxes', boxes);
