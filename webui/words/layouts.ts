import { layouts } from './en/layouts.ts';
import { wordsOf } from './words.ts';

export const layoutWords = wordsOf('layouts', layouts);
