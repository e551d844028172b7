import { randomUUID } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import { parseRanges, RangeFile, rangesText, timesFault } from './range-file.ts';

/** A file of this many is read in a few milliseconds. */
const MAX_RANGES = 5_000;
const MAX_NOTE_CHARS = 500;

/** Recordings that are never deleted. Times are Unix microseconds. */
export interface ProtectedRange {
  readonly id: string;
  readonly path: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly note: string;
  /** Unix milliseconds, or undefined if an earlier version added it. */
  readonly createdMs?: number | undefined;
  /** Name of the person, or undefined for a program without a name. */
  readonly by?: string | undefined;
}

type NewRange = Omit<ProtectedRange, 'id'>;

/** Protected ranges in a JSON file. While it is unreadable, `fault` is set and nothing may be deleted. */
export class ProtectedRanges {
  readonly #file: RangeFile<ProtectedRange>;
  #ranges: readonly ProtectedRange[] = [];
  /** Ranges being written: already protected. */
  readonly #unsaved = new Set<ProtectedRange>();

  /** @param onChange receives all ranges whenever they are read or changed */
  constructor(file: string, onChange: (ranges: readonly ProtectedRange[]) => void = () => {}) {
    const use = (ranges: readonly ProtectedRange[]) => {
      this.#ranges = ranges.toSorted((a, b) => a.startUs - b.startUs);
      onChange(this.#ranges);
    };
    this.#file = new RangeFile({ ...FORM, file, onChange: use });
  }

  get fault(): string | undefined {
    return this.#file.fault;
  }

  /** All protected ranges, sorted by start. */
  get all(): readonly ProtectedRange[] {
    return this.#ranges;
  }

  /** @throws PerchError notFound */
  find(id: string): ProtectedRange {
    const range = this.#ranges.find((one) => one.id === id);
    if (!range) {
      throw notFound(id);
    }
    return range;
  }

  /** Reads the file; called again after a fault. Never rejects. */
  load(): Promise<void> {
    return this.#file.load();
  }

  /** @throws PerchError if it cannot be saved */
  async add(range: NewRange): Promise<ProtectedRange> {
    const fault = rangeFault(range);
    if (fault !== undefined) {
      throw new PerchError('badInput', fault, { path: range.path });
    }
    const added = { id: randomUUID(), ...range };
    this.#unsaved.add(added);
    try {
      await this.#file.change((ranges) => [...ranges, added]);
    } finally {
      this.#unsaved.delete(added);
    }
    return added;
  }

  /** @throws PerchError for an unknown id or a long note, or if it cannot be saved */
  async setNote(id: string, note: string): Promise<ProtectedRange> {
    await this.#file.change((ranges) => {
      const range = ranges.find((one) => one.id === id);
      if (!range) {
        throw notFound(id);
      }
      const changed = { ...range, note };
      const fault = rangeFault(changed);
      if (fault !== undefined) {
        throw new PerchError('badInput', fault);
      }
      return ranges.map((one) => (one === range ? changed : one));
    });
    return this.find(id);
  }

  /** @throws PerchError for an unknown id, or if it cannot be saved */
  async remove(id: string): Promise<void> {
    await this.#file.change((ranges) => {
      const left = ranges.filter((range) => range.id !== id);
      if (left.length === ranges.length) {
        throw notFound(id);
      }
      return left;
    });
  }

  /** Whether a range overlaps the times, not just touches them. */
  isProtected(path: string, fromUs: number, toUs: number): boolean {
    for (const range of this.#unsaved) {
      if (range.path === path && range.startUs < toUs && range.endUs > fromUs) {
        return true;
      }
    }
    for (const range of this.#ranges) {
      if (range.startUs >= toUs) {
        return false;
      }
      if (range.path === path && range.endUs > fromUs) {
        return true;
      }
    }
    return false;
  }
}

const notFound = (id: string): PerchError => new PerchError('notFound', `no protected recording has the id '${id}'`);

/** @throws PerchError badInput if the file is damaged */
export function readRanges(text: string): readonly ProtectedRange[] {
  return parseRanges(Buffer.from(text), FORM);
}

/**
 * Merges both: protected ranges stay protected.
 * @throws PerchError exhausted at the limit
 */
export function joinRanges(some: readonly ProtectedRange[], others: readonly ProtectedRange[]): string {
  const ranges = [...new Map([...some, ...others].map((range) => [range.id, range])).values()];
  if (ranges.length > MAX_RANGES) {
    throw new PerchError('exhausted', `${ranges.length} recordings would be protected, the limit is ${MAX_RANGES}`);
  }
  return rangesText(ranges);
}

function parse(value: unknown, name: string): ProtectedRange {
  const { id, path, startUs, endUs, note, createdMs, by } = (value ?? {}) as Record<string, unknown>;
  if (typeof id !== 'string' || typeof path !== 'string' || typeof note !== 'string') {
    throw new PerchError('badInput', `${name} lacks its id, path or note`);
  }
  const range = {
    id,
    path,
    startUs: Number(startUs),
    endUs: Number(endUs),
    note,
    ...(typeof createdMs === 'number' && { createdMs }),
    ...(typeof by === 'string' && { by: by.slice(0, 256) }),
  };
  const fault = rangeFault(range);
  if (fault !== undefined) {
    throw new PerchError('badInput', `${name}: ${fault}`);
  }
  return range;
}

const FORM = { what: 'protected recordings', maxRanges: MAX_RANGES, parse };

function rangeFault(range: NewRange): string | undefined {
  const fault = timesFault(range);
  const { length } = range.note;
  return (
    fault ?? (length > MAX_NOTE_CHARS ? `the note has ${length} characters, the limit is ${MAX_NOTE_CHARS}` : undefined)
  );
}
