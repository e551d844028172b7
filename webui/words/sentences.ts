/** Sentences one after the other: with a space between them, but not behind a Chinese full stop. What is none is left out. */
export const sentences = (all: readonly (string | false | undefined)[]): string =>
  all.filter(Boolean).join(' ').replaceAll('。 ', '。');
