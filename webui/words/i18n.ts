import type { CommonWords } from './en/common.ts';
import { locale, words } from './words.ts';

/** Locale and common texts. Components that read it follow the language. */
export function i18n(): { readonly language: string; readonly words: CommonWords } {
  return { language: locale.value, words: words.value };
}
