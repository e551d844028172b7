import { system } from './en/system.ts';
import { wordsOf } from './words.ts';

export const systemWords = wordsOf('system', system);
