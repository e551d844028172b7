import { readFile } from 'node:fs/promises';
import { explain, PerchError } from '../../base/errors.ts';
import { writeAtomic } from '../../config/file/file.ts';
import { codeOf, unlessFileFault } from '../file/disk-fault.ts';

const MAX_FILE_BYTES = 16 << 20;

interface RangeFileOptions<T> {
  readonly file: string;
  /** `protected recordings`, for messages. */
  readonly what: string;
  readonly maxRanges: number;
  /** Checks one range of the file. @param name its name in messages @throws PerchError badInput if it is damaged */
  readonly parse: (value: unknown, name: string) => T;
  /** Receives all ranges whenever they are read or changed. */
  readonly onChange: (ranges: readonly T[]) => void;
}

/**
 * Ranges of recordings in a small JSON file. A change is on the disk before it takes effect. After a power cut the file has the state
 * before or after a change. While it is unreadable, `fault` is set, and it is not overwritten.
 */
export class RangeFile<T> {
  readonly #options: RangeFileOptions<T>;
  #all: readonly T[] = [];
  #fault: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: RangeFileOptions<T>) {
    this.#options = options;
    this.#fault = `${options.what} have not been read yet`;
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  get all(): readonly T[] {
    return this.#all;
  }

  /** Reads the file; called again after a fault. Never rejects. */
  async load(): Promise<void> {
    await this.#inTurn(() => this.#load());
  }

  /** @throws PerchError if it cannot be saved */
  async change(change: (ranges: readonly T[]) => readonly T[]): Promise<void> {
    const { file, what, maxRanges } = this.#options;
    await this.#inTurn(async () => {
      if (this.#fault !== undefined) {
        await this.#load();
      }
      if (this.#fault !== undefined) {
        throw new PerchError('unavailable', this.#fault);
      }
      const changed = change(this.#all);
      if (changed.length > maxRanges && changed.length > this.#all.length) {
        throw new PerchError('exhausted', `there are ${maxRanges} ${what}, which is the limit`, { why: 'limit' });
      }
      await writeAtomic(file, rangesText(changed));
      this.#use(changed);
    });
  }

  async #load(): Promise<void> {
    const { file, what } = this.#options;
    try {
      this.#use(parseRanges(await readFile(file), this.#options));
      this.#fault = undefined;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        this.#fault = undefined;
        return this.#use([]);
      }
      unlessFileFault(error);
      this.#fault = `cannot read ${file}, so ${what} are unknown: repair it or remove it (${explain(error)})`;
    }
  }

  #use(ranges: readonly T[]): void {
    this.#all = ranges;
    this.#options.onChange(ranges);
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    await done;
  }
}

export const rangesText = (ranges: readonly unknown[]): string =>
  `${JSON.stringify({ version: 1, ranges }, undefined, 1)}\n`;

/** @throws PerchError badInput if the file is damaged */
export function parseRanges<T>(
  bytes: Buffer,
  { what, maxRanges, parse }: Pick<RangeFileOptions<T>, 'what' | 'maxRanges' | 'parse'>,
): readonly T[] {
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
  if (version !== 1 || !Array.isArray(ranges) || ranges.length > maxRanges) {
    throw new PerchError('badInput', `it is not a list of ${what} of version 1`);
  }
  return ranges.map((value: unknown, i) => parse(value, `its range ${i}`));
}

/** Why a range is invalid. Times are Unix microseconds. */
export function timesFault({
  startUs,
  endUs,
}: {
  readonly startUs: number;
  readonly endUs: number;
}): string | undefined {
  if (!Number.isSafeInteger(startUs) || !Number.isSafeInteger(endUs)) {
    return 'start and end must be times';
  }
  return endUs <= startUs ? 'end must be later than start' : undefined;
}
