import { transfer } from '../en/settings/transfer.ts';
import { wordsOf } from '../words.ts';

export const transferWords = wordsOf('transfer', transfer);
