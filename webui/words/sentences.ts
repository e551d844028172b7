/** Joins sentences by spaces, except after a Chinese full stop. Skips empty ones. */
export const sentences = (all: readonly (string | false | undefined)[]): string =>
  all.filter(Boolean).join(' ').replaceAll('。 ', '。');
