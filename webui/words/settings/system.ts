import { system } from '../en/settings/system.ts';
import { wordsOf } from '../words.ts';

export const systemWords = wordsOf('system', system);
