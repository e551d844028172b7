import { layouts } from '../en/settings/layouts.ts';
import { wordsOf } from '../words.ts';

export const layoutWords = wordsOf('layouts', layouts);
