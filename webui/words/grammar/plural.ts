type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { readonly other: string };

/** Sentences with a count, in one language: `#` in the form that its rules choose becomes the number. */
export function counter(language: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(language);
  const numbers = new Intl.NumberFormat(language);
  return (count, forms) => (forms[rules.select(count)] ?? forms.other).replace('#', numbers.format(count));
}
