import { randomUUID } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { PerchError } from '../../base/errors.ts';
import { RangeFile, timesFault } from './range-file.ts';

/** Limit of the parts of a range: each protected range within it cuts it. */
const MAX_PARTS = 5_000;

const Range = Type.Object({
  id: Type.String({ maxLength: 64 }),
  path: Type.String({ maxLength: 512 }),
  /** The range as requested. Unix microseconds, like all times in this file. */
  startUs: Type.Integer(),
  endUs: Type.Integer(),
  /** The range without the parts that were protected at the request. */
  parts: Type.Array(Type.Object({ startUs: Type.Integer(), endUs: Type.Integer() }), { maxItems: MAX_PARTS }),
  /** Name of the person. */
  by: Type.Optional(Type.String({ maxLength: 256 })),
  requestedUs: Type.Integer(),
  /** The files of the range are being deleted: it cannot be restored. */
  isFinal: Type.Boolean(),
});
export type DeletedRange = Static<typeof Range>;

/**
 * Ranges whose recordings are deleted on request, in a JSON file. From the request on the recordings are hidden. Their files are deleted
 * later, so that the request can be undone. A range is kept until no file overlaps it.
 */
export class DeletedRanges {
  readonly #file: RangeFile<DeletedRange>;

  /** @param onChange receives all ranges whenever they are read or changed */
  constructor(file: string, onChange: (ranges: readonly DeletedRange[]) => void) {
    this.#file = new RangeFile({ file, what: 'deleted recordings', maxRanges: 1_000, parse, onChange });
  }

  get fault(): string | undefined {
    return this.#file.fault;
  }

  /** Oldest request first. */
  get all(): readonly DeletedRange[] {
    return this.#file.all;
  }

  load(): Promise<void> {
    return this.#file.load();
  }

  /** @throws PerchError if it cannot be saved */
  async add(range: Omit<DeletedRange, 'id' | 'isFinal'>): Promise<DeletedRange> {
    const fault = timesFault(range);
    if (fault !== undefined || range.parts.length > MAX_PARTS) {
      throw new PerchError('badInput', fault ?? `more than ${MAX_PARTS} protected recordings are in it`);
    }
    const added = { id: randomUUID(), ...range, isFinal: false };
    await this.#file.change((ranges) => [...ranges, added]);
    return added;
  }

  /** @throws PerchError notFound, badInput if its files are being deleted, or if it cannot be saved */
  async restore(id: string): Promise<void> {
    await this.#file.change((ranges) => {
      const range = ranges.find((one) => one.id === id);
      if (!range) {
        throw new PerchError('notFound', `no deleted recordings have the id '${id}'`);
      }
      if (range.isFinal) {
        throw new PerchError('badInput', 'too late: these recordings are being deleted', { why: 'tooLate' });
      }
      return ranges.filter((one) => one !== range);
    });
  }

  /** Called before their files are deleted. */
  async finalize(ids: ReadonlySet<string>): Promise<void> {
    await this.#file.change((ranges) => ranges.map((one) => (ids.has(one.id) ? { ...one, isFinal: true } : one)));
  }

  /** Called when no file overlaps the ranges any more. */
  async forget(ids: ReadonlySet<string>): Promise<void> {
    await this.#file.change((ranges) => ranges.filter(({ id }) => !ids.has(id)));
  }
}

function parse(value: unknown, name: string): DeletedRange {
  if (!Check(Range, value)) {
    throw new PerchError('badInput', `${name} is not a deleted range`);
  }
  for (const range of [value, ...value.parts]) {
    const fault = timesFault(range);
    if (fault !== undefined) {
      throw new PerchError('badInput', `${name}: ${fault}`);
    }
  }
  return value;
}
