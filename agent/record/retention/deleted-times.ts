import Type, { type Static } from 'typebox';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';

/** Its file in the data folder. */
export const DELETED_TIMES = 'deleted-times.json';
/** More deletions than a person makes of a path. */
const MAX_RANGES = 500;

const State = Type.Object({
  /** In Unix microseconds, by path. From 0 on: all recordings of the path, until the time of the deletion. */
  paths: Type.Record(Type.String(), Type.Array(Type.Tuple([Type.Number(), Type.Number()]))),
});
interface UsRange {
  readonly startUs: number;
  readonly endUs: number;
}

type Ranges = Static<typeof State>['paths'][string];

/** What a person has deleted, also once its files are gone: an import does not bring it back. */
export class DeletedTimes {
  readonly #document: StoredDocument<typeof State>;
  readonly #paths = new Map<string, Ranges>();
  #opened: Promise<void> | undefined;

  constructor(file: string, log: Logger) {
    this.#document = new StoredDocument(file, State, log);
  }

  /**
   * @param sinceMs Unix time at which an import began: after all recordings of a path were deleted, a person may import them again
   * @returns in the order of their begin; they may overlap
   */
  async of(path: string, sinceMs: number): Promise<readonly UsRange[]> {
    await this.#open();
    const ranges = (this.#paths.get(path) ?? []).filter(([startUs, endUs]) => startUs > 0 || endUs > sinceMs * 1_000);
    return ranges.map(([startUs, endUs]) => ({ startUs, endUs }));
  }

  /** In force at once, even if it cannot be stored. */
  async add(path: string, { startUs, endUs }: UsRange): Promise<void> {
    await this.#open();
    const isOther = (one: Ranges[number]) => (startUs > 0 ? one[0] !== startUs || one[1] !== endUs : one[0] > 0);
    const others = (this.#paths.get(path) ?? []).filter(isOther);
    this.#set(path, limited([...others, [startUs, endUs] as Ranges[number]].sort(([a], [b]) => a - b)));
    await this.#save();
  }

  /** Such a deletion is undone. */
  async remove(path: string, { startUs, endUs }: UsRange): Promise<void> {
    await this.#open();
    const isOther = (one: Ranges[number]) => one[0] !== startUs || one[1] !== endUs;
    this.#set(path, (this.#paths.get(path) ?? []).filter(isOther));
    await this.#save();
  }

  /** The path that had the last change is the last one. */
  #set(path: string, ranges: Ranges): void {
    this.#paths.delete(path);
    if (ranges.length > 0) {
      this.#paths.set(path, ranges);
    }
    const [first] = this.#paths.keys();
    if (this.#paths.size > 1_000 && first !== undefined) {
      this.#paths.delete(first);
    }
  }

  async #save(): Promise<void> {
    const failure = 'after a restart an import may bring deleted recordings back';
    await this.#document.trySave(() => ({ paths: Object.fromEntries(this.#paths) }), failure);
  }

  #open(): Promise<void> {
    this.#opened ??= this.#document.open('an import may bring deleted recordings back').then((stored) => {
      for (const [path, ranges] of Object.entries(stored?.paths ?? {})) {
        this.#paths.set(path, ranges);
      }
    });
    return this.#opened;
  }
}

/** With too many ranges the oldest ones are one, with what is between them: rather too little comes. */
function limited(ranges: Ranges): Ranges {
  const whole = ranges.filter(([startUs]) => startUs <= 0);
  const parts = ranges.filter(([startUs]) => startUs > 0);
  const [first, ...old] = parts.slice(0, Math.max(0, 1 + parts.length - MAX_RANGES));
  return first && old.length > 0
    ? [...whole, [first[0], Math.max(first[1], ...old.map(([, endUs]) => endUs))], ...parts.slice(1 + old.length)]
    : ranges;
}
