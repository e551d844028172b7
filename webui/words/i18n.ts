import type { CommonWords } from './en/common.ts';
import { locale, words } from './words.ts';

/** How dates and numbers are written, and the words of all pages; a component that reads it is drawn again when they change. */
export function i18n(): { readonly language: string; readonly words: CommonWords } {
  return { language: locale.value, words: words.value };
}
