import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { explain, PerchError } from '../../base/errors.ts';
import { writeAtomic } from '../../config/file/file.ts';
import { codeOf, unlessFileFault } from '../file/disk-fault.ts';

/** The largest file is read in some milliseconds. */
const MAX_RANGES = 5_000;
const MAX_NOTE_CHARS = 500;
const MAX_NAME_CHARS = 256;
const MAX_FILE_BYTES = 16 << 20;

/** Recordings that are never deleted. Times are Unix microseconds. */
export interface ProtectedRange {
  readonly id: string;
  readonly path: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly note: string;
  /** Unix milliseconds; undefined: added by an earlier version. */
  readonly createdMs?: number | undefined;
  /** Name of the person; undefined: a program without a name. */
  readonly by?: string | undefined;
}

type NewRange = Omit<ProtectedRange, 'id'>;

/** Protected ranges in a JSON file. While it is unreadable, `fault` is set and nothing may be deleted. */
export class ProtectedRanges {
  readonly #file: string;
  readonly #onChange: (ranges: readonly ProtectedRange[]) => void;
  #ranges: readonly ProtectedRange[] = [];
  /** Ranges being written: already protected. */
  readonly #coming = new Set<ProtectedRange>();
  #fault: string | undefined = 'protected recordings have not been read yet';
  #turn: Promise<unknown> = Promise.resolve();

  /** @param onChange receives all ranges whenever they are read or changed */
  constructor(file: string, onChange: (ranges: readonly ProtectedRange[]) => void = () => {}) {
    this.#file = file;
    this.#onChange = onChange;
  }

  get fault(): string | undefined {
    return this.#fault;
  }

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

  /** Reads the file; after a fault again. Never rejects. */
  async load(): Promise<void> {
    await this.#inTurn(() => this.#load());
  }

  /** @throws PerchError if it cannot be saved */
  async add(range: NewRange): Promise<ProtectedRange> {
    const fault = rangeFault(range);
    if (fault !== undefined) {
      throw new PerchError('badInput', fault, { path: range.path });
    }
    const added = { id: randomUUID(), ...range };
    this.#coming.add(added);
    try {
      await this.#change((ranges) => {
        if (ranges.length >= MAX_RANGES) {
          const message = `there are ${MAX_RANGES} protected recordings, which is the limit`;
          throw new PerchError('exhausted', message, { why: 'limit' });
        }
        return [...ranges, added];
      });
    } finally {
      this.#coming.delete(added);
    }
    return added;
  }

  /** @throws PerchError for an unknown id or a long note, or if it cannot be saved */
  async setNote(id: string, note: string): Promise<ProtectedRange> {
    await this.#change((ranges) => {
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
    await this.#change((ranges) => {
      const left = ranges.filter((range) => range.id !== id);
      if (left.length === ranges.length) {
        throw notFound(id);
      }
      return left;
    });
  }

  /** Whether a range overlaps the times, not just touches them. */
  isProtected(path: string, fromUs: number, toUs: number): boolean {
    for (const range of this.#coming) {
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

  async #load(): Promise<void> {
    try {
      this.#use(parseRanges(await readFile(this.#file)));
      this.#fault = undefined;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        this.#fault = undefined;
        return this.#use([]);
      }
      unlessFileFault(error);
      this.#fault = `cannot read ${this.#file}, so protected recordings are unknown: repair it or remove it (${explain(error)})`;
    }
  }

  async #change(change: (ranges: readonly ProtectedRange[]) => readonly ProtectedRange[]): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#fault !== undefined) {
        await this.#load();
      }
      if (this.#fault !== undefined) {
        throw new PerchError('unavailable', this.#fault);
      }
      const changed = change(this.#ranges);
      await writeAtomic(this.#file, fileText(changed));
      this.#use(changed);
    });
  }

  #use(ranges: readonly ProtectedRange[]): void {
    this.#ranges = [...ranges].sort((a, b) => a.startUs - b.startUs);
    this.#onChange(this.#ranges);
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    await done;
  }
}

const notFound = (id: string): PerchError => new PerchError('notFound', `no protected recording has the id '${id}'`);

/** @throws PerchError badInput if the file is damaged */
export function readRanges(text: string): readonly ProtectedRange[] {
  return parseRanges(Buffer.from(text));
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
  return fileText(ranges);
}

const fileText = (ranges: readonly ProtectedRange[]): string =>
  `${JSON.stringify({ version: 1, ranges }, undefined, 1)}\n`;

function parseRanges(bytes: Buffer): ProtectedRange[] {
  if (bytes.length > MAX_FILE_BYTES) {
    throw new PerchError('badInput', `it has ${bytes.length} bytes, the limit is ${MAX_FILE_BYTES}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new PerchError('badInput', 'it is not JSON', {}, cause);
  }
  const { version, ranges } = (json ?? {}) as { version?: unknown; ranges?: unknown };
  if (version !== 1 || !Array.isArray(ranges) || ranges.length > MAX_RANGES) {
    throw new PerchError('badInput', 'it is not a list of protected recordings of version 1');
  }
  return ranges.map((value: unknown, i) => {
    const { id, path, startUs, endUs, note, createdMs, by } = (value ?? {}) as Record<string, unknown>;
    if (typeof id !== 'string' || typeof path !== 'string' || typeof note !== 'string') {
      throw new PerchError('badInput', `its range ${i} lacks its id, path or note`);
    }
    const range = {
      id,
      path,
      startUs: Number(startUs),
      endUs: Number(endUs),
      note,
      ...(typeof createdMs === 'number' && { createdMs }),
      ...(typeof by === 'string' && { by: by.slice(0, MAX_NAME_CHARS) }),
    };
    const fault = rangeFault(range);
    if (fault !== undefined) {
      throw new PerchError('badInput', `its range ${i}: ${fault}`);
    }
    return range;
  });
}

function rangeFault({ startUs, endUs, note }: NewRange): string | undefined {
  if (!Number.isSafeInteger(startUs) || !Number.isSafeInteger(endUs)) {
    return 'start and end must be times';
  }
  if (endUs <= startUs) {
    return 'end must be later than start';
  }
  return note.length > MAX_NOTE_CHARS
    ? `the note has ${note.length} characters, the limit is ${MAX_NOTE_CHARS}`
    : undefined;
}
