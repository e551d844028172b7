import { forwards } from './en/forwards.ts';
import { wordsOf } from './words.ts';

export const forwardsWords = wordsOf('forwards', forwards);
