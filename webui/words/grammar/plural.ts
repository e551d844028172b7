type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { readonly other: string };

/** Sentences with a count: `#` becomes the number, in the plural form of the language. */
export function counter(language: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(language);
  const numbers = new Intl.NumberFormat(language);
  return (count, forms) => (forms[rules.select(count)] ?? forms.other).replace('#', numbers.format(count));
}
