import { putBounded } from '../../base/bounded-map.ts';

/** Maximum number of moves that are remembered for players. A download or playlist from before an older move must be requested again. */
const MAX_MOVED = 20_000;

/** Recordings that are moved to another disk, possibly while they are played. */
export class MovedFiles {
  readonly #moving = new Set<string>();
  /** Present names by former name. */
  readonly #now = new Map<string, string>();
  /** First names by present name. */
  readonly #first = new Map<string, string>();
  readonly #rename: (from: string, to: string, mtimeMs: number) => void;

  /** @param rename in the index */
  constructor(rename: (from: string, to: string, mtimeMs: number) => void = () => {}) {
    this.#rename = rename;
  }

  /** Keeps folder scans from adding these names. @returns a function that ends this */
  hold(names: readonly string[]): () => void {
    for (const name of names) {
      this.#moving.add(name);
    }
    return () => {
      for (const name of names) {
        this.#moving.delete(name);
      }
    };
  }

  /** Whether the file has a row under another name. */
  isMoving(file: string): boolean {
    // A scan may have read the folder before the file was moved.
    return this.#moving.has(file) || this.#now.has(file);
  }

  /** Notes that a finished recording was moved. @param mtimeMs of the new file */
  moved(from: string, to: string, mtimeMs: number): void {
    this.#rename(from, to, mtimeMs);
    const first = this.firstName(from);
    this.#first.delete(from);
    this.#now.delete(to);
    for (const former of new Set([from, first])) {
      if (former !== to) {
        putBounded(this.#now, former, to, MAX_MOVED);
      }
    }
    putBounded(this.#first, to, first, MAX_MOVED);
  }

  /** Works with a recording whose name was read before it was moved. */
  async at<T>(file: string, work: (file: string) => Promise<T>): Promise<T> {
    const there = this.#now.get(file) ?? file;
    try {
      return await work(there);
    } catch (error) {
      // The file was moved meanwhile.
      const now = this.#now.get(file) ?? file;
      if (now === there) {
        throw error;
      }
      return work(now);
    }
  }

  /** Name of the file when this process started: addresses that players have stay valid. */
  firstName(file: string): string {
    return this.#first.get(file) ?? file;
  }
}
