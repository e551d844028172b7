import type { Words } from '../words/en.ts';
import { language, words } from '../words/words.ts';

/** The language and its words; a component that reads it is drawn again when they change. */
export function voice(): { readonly language: string; readonly words: Words } {
  return { language: language.value, words: words.value };
}
