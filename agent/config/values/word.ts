const WORDS: Readonly<Record<string, boolean>> = {
  yes: true,
  true: true,
  on: true,
  no: false,
  false: false,
  off: false,
};

/** Yes or no in the words of YAML 1.1 and 1.2; undefined for any other text. */
export const parseWord = (text: string): boolean | undefined =>
  Object.hasOwn(WORDS, text.toLowerCase()) ? WORDS[text.toLowerCase()] : undefined;

/** The known name that is closest to a misspelt one; undefined when none is close. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.slice(0, 60).toLowerCase();
  let best: string | undefined;
  let bestSteps = Math.max(1, Math.floor(wanted.length / 4)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - wanted.length) < bestSteps) {
      const steps = editSteps(wanted, candidate.toLowerCase());
      if (steps < bestSteps) {
        bestSteps = steps;
        best = candidate;
      }
    }
  }
  return best;
}

/** Levenshtein distance in which a transposition counts as one step. */
function editSteps(a: string, b: string): number {
  let before: readonly number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (before[j - 2] ?? 0) + 1 : change;
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
