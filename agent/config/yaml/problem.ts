/** Where a value is in the file. Values from the environment have no line; their key names the variable. */
export interface TextPosition {
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
}

/**
 * A finding about a configuration. error = the value is wrong: its path is disabled, or the file rejected;
 * warn = it does not have the intended effect; note = worth knowing.
 */
export interface Problem extends TextPosition {
  readonly severity: 'error' | 'warn' | 'note';
  readonly file: string;
  /** Dotted, as in `pathDefaults.recordPartDuration`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
  /** The only path that it concerns. */
  readonly path?: string;
  /** An error of one value, which has no effect then; the rest of the file applies. */
  readonly isPartial?: true;
  /**
   * notSaved: changes are in effect until the next start; temporary: `file` is the data folder, which is not kept; damaged: `file` is one
   * of the data folder, whose content is lost.
   */
  readonly why?: 'notSaved' | 'temporary' | 'damaged';
}

/** The problem of a file of the data folder that could not be read at the start. */
export const damagedFile = ({
  file,
  fault,
}: {
  readonly file: string;
  readonly fault: string | undefined;
}): Problem | undefined =>
  fault === undefined ? undefined : { severity: 'warn', file, key: '', message: fault, why: 'damaged' };

/** What an error disables; empty: the whole file. */
type Scope = Pick<Problem, 'path' | 'isPartial'>;

/** The line for log and terminal: `perch.yml:12: hls: 'maybe' is not yes or no`. */
export function problemText({ file, line, key, message }: Problem): string {
  const position = line === undefined ? file : `${file}:${line}`;
  return key === '' ? `${position}: ${message}` : `${position}: ${key}: ${message}`;
}

/** Whether it makes the whole file unusable. */
export const isFatal = ({ severity, path, isPartial }: Problem): boolean =>
  severity === 'error' && path === undefined && isPartial === undefined;

/** Whether a person should see it on the page: an error, or something that will be lost. */
export const isSerious = ({ severity, why }: Problem): boolean => severity === 'error' || why !== undefined;

type Severity = Problem['severity'];
const MAX_PER_SEVERITY = 200;

/** Collects the problems of one file; keeps the first 200 of each severity and counts the rest. */
export class Report {
  readonly #file: string;
  readonly #kept: Problem[] = [];
  readonly #counts: Record<Severity, number> = { error: 0, warn: 0, note: 0 };
  readonly #firstErrors = new Map<string, Problem>();
  #fatalCount = 0;

  constructor(file: string) {
    this.#file = file;
  }

  add(severity: Severity, position: TextPosition, key: string, message: string, path?: string): void {
    this.#add(severity, position, key, message, path === undefined ? {} : { path });
  }

  /** An error that disables only its own value. */
  addPartial(position: TextPosition, key: string, message: string): void {
    this.#add('error', position, key, message, { isPartial: true });
  }

  #add(severity: Severity, position: TextPosition, key: string, message: string, scope: Scope): void {
    const { path } = scope;
    const where = position.line === undefined ? {} : { line: position.line, column: position.column ?? 1 };
    const problem: Problem = { severity, file: this.#file, ...where, key, message, ...scope };
    this.#counts[severity] += 1;
    if (this.#counts[severity] <= MAX_PER_SEVERITY) {
      this.#kept.push(problem);
    }
    if (isFatal(problem)) {
      this.#fatalCount += 1;
    } else if (severity === 'error' && path !== undefined && !this.#firstErrors.has(path)) {
      this.#firstErrors.set(path, problem);
    }
  }

  /** How many of `severity` were added, kept or not. */
  count(severity: Severity): number {
    return this.#counts[severity];
  }

  /** Errors that make the whole file unusable. */
  get fatalCount(): number {
    return this.#fatalCount;
  }

  firstErrorOf(path: string): Problem | undefined {
    return this.#firstErrors.get(path);
  }

  /** The kept problems, in the order of the file's lines. */
  all(): readonly Problem[] {
    const sorted = this.#kept.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
    for (const [severity, count] of Object.entries(this.#counts)) {
      if (count > MAX_PER_SEVERITY) {
        const message = `${count - MAX_PER_SEVERITY} more of this kind (${severity}) are not shown`;
        sorted.push({ severity: severity as Severity, file: this.#file, key: '', message });
      }
    }
    return sorted;
  }
}
