/** Unix microseconds. */
export interface UsRange {
  readonly startUs: number;
  readonly endUs: number;
}

export interface Timespan {
  readonly startUs: number;
  readonly durationUs: number;
}

interface PathRange extends UsRange {
  readonly path: string;
}

const NONE: readonly UsRange[] = [];

/** Ranges of recordings that are deleted but whose files remain for now: nothing shows them. */
export class HiddenRanges {
  #byPath: ReadonlyMap<string, readonly UsRange[]> = new Map();

  set(all: readonly PathRange[]): void {
    this.#byPath = new Map([...Map.groupBy(all, ({ path }) => path)].map(([path, of]) => [path, merged(of)]));
  }

  /** The hidden ranges of a path, oldest first, without overlap. */
  of(path: string): readonly UsRange[] {
    return this.#byPath.get(path) ?? NONE;
  }

  has(path: string, us: number): boolean {
    return this.of(path).some(({ startUs, endUs }) => us >= startUs && us < endUs);
  }

  /** The parts of a range that are not hidden, oldest first. */
  visible(path: string, range: UsRange): readonly UsRange[] {
    const hidden = this.of(path);
    return hidden.length === 0 ? [range] : without(range, hidden);
  }

  visibleSpans(path: string, spans: readonly Timespan[]): readonly Timespan[] {
    if (this.of(path).length === 0) {
      return spans;
    }
    return spans
      .flatMap(({ startUs, durationUs }) => this.visible(path, { startUs, endUs: startUs + durationUs }))
      .map(({ startUs, endUs }) => ({ startUs, durationUs: endUs - startUs }));
  }
}

/** A range without others. @param others oldest first, without overlap */
export function without({ startUs, endUs }: UsRange, others: readonly UsRange[]): readonly UsRange[] {
  const left: UsRange[] = [];
  let doneUs = startUs;
  for (const other of others) {
    if (other.endUs > doneUs && other.startUs < endUs) {
      if (other.startUs > doneUs) {
        left.push({ startUs: doneUs, endUs: other.startUs });
      }
      doneUs = other.endUs;
    }
  }
  // An empty range stays, as `/list` shows the first moment of a recording.
  if (doneUs < endUs || (startUs === endUs && doneUs === startUs)) {
    left.push({ startUs: doneUs, endUs });
  }
  return left;
}

/** The union of the ranges, oldest first, without overlap. */
export function merged(ranges: readonly UsRange[]): readonly UsRange[] {
  const result: { startUs: number; endUs: number }[] = [];
  for (const { startUs, endUs } of ranges.toSorted((a, b) => a.startUs - b.startUs)) {
    const last = result.at(-1);
    if (last && startUs <= last.endUs) {
      last.endUs = Math.max(last.endUs, endUs);
    } else {
      result.push({ startUs, endUs });
    }
  }
  return result;
}
