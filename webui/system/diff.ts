/** `theirs`: only in the former text; `mine`: only in the new one. */
interface DiffLine {
  readonly kind: 'same' | 'theirs' | 'mine';
  readonly text: string;
  /** From 1, in the new text; of removed lines in the former one. */
  readonly line: number;
}

/** Above this product of line counts, the diff is all former and all new lines. */
const MAX_PAIRS = 4_000_000;
/** Context lines around changes. */
const AROUND = 2;

/** The changed lines with their context. */
export function diffOf(before: string, after: string): readonly DiffLine[] {
  const [theirs, mine] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < theirs.length && start < mine.length && theirs[start] === mine[start]) {
    start += 1;
  }
  let end = 0;
  const most = Math.min(theirs.length, mine.length) - start;
  while (end < most && theirs[theirs.length - 1 - end] === mine[mine.length - 1 - end]) {
    end += 1;
  }
  const same = (line: number): DiffLine => ({ kind: 'same', text: mine[line] ?? '', line: line + 1 });
  const head = Array.from({ length: start }, (_, line) => same(line));
  const tail = Array.from({ length: end }, (_, i) => same(mine.length - end + i));
  const middle = between(theirs.slice(start, theirs.length - end), mine.slice(start, mine.length - end), start);
  return near([...head, ...middle, ...tail]);
}

/** By the longest common subsequence. */
function between(theirs: readonly string[], mine: readonly string[], offset: number): DiffLine[] {
  const gone = (line: number): DiffLine => ({ kind: 'theirs', text: theirs[line] ?? '', line: offset + line + 1 });
  const come = (line: number): DiffLine => ({ kind: 'mine', text: mine[line] ?? '', line: offset + line + 1 });
  const width = mine.length + 1;
  if (theirs.length * width > MAX_PAIRS) {
    return [...theirs.map((_, line) => gone(line)), ...mine.map((_, line) => come(line))];
  }
  const length = new Uint32Array((theirs.length + 1) * width);
  const at = (a: number, b: number) => length[a * width + b] ?? 0;
  for (let a = theirs.length - 1; a >= 0; a -= 1) {
    for (let b = mine.length - 1; b >= 0; b -= 1) {
      length[a * width + b] = theirs[a] === mine[b] ? at(a + 1, b + 1) + 1 : Math.max(at(a + 1, b), at(a, b + 1));
    }
  }
  const lines: DiffLine[] = [];
  let [a, b] = [0, 0];
  while (a < theirs.length || b < mine.length) {
    if (a < theirs.length && b < mine.length && theirs[a] === mine[b]) {
      lines.push({ ...come(b), kind: 'same' });
      a += 1;
      b += 1;
    } else if (b >= mine.length || (a < theirs.length && at(a + 1, b) >= at(a, b + 1))) {
      lines.push(gone(a));
      a += 1;
    } else {
      lines.push(come(b));
      b += 1;
    }
  }
  return lines;
}

const near = (lines: readonly DiffLine[]): readonly DiffLine[] =>
  lines.filter(
    ({ kind }, i) =>
      kind !== 'same' || lines.slice(Math.max(0, i - AROUND), i + AROUND + 1).some((one) => one.kind !== 'same'),
  );
