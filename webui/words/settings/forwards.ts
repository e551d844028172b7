import { forwards } from '../en/settings/forwards.ts';
import { wordsOf } from '../words.ts';

export const forwardsWords = wordsOf('forwards', forwards);
