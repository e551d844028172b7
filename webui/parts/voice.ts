import type { CommonWords } from '../words/en/common.ts';
import { language, words } from '../words/words.ts';

/** The language and the words of all pages; a component that reads it is drawn again when they change. */
export function voice(): { readonly language: string; readonly words: CommonWords } {
  return { language: language.value, words: words.value };
}
