import type { Clock } from '../../../base/clock.ts';

/** Time between two searches, however many boxes are unreachable. */
const SEARCH_MS = 60_000;

/** Asks the local networks for boxes by their ids. @returns `host:port` of https by id */
export type FindBoxes = (
  ids: readonly string[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, readonly string[]>>;

/** Looks for boxes whose addresses have all changed: for all that are away together, once a minute. */
export class BoxSearch {
  readonly #find: FindBoxes;
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #stop = new AbortController();
  readonly #wanted = new Set<string>();
  #found: ReadonlyMap<string, readonly string[]> = new Map();
  #running: Promise<void> | undefined;
  #nextMs = 0;

  constructor(find: FindBoxes, clock: Pick<Clock, 'monoMs'>) {
    this.#find = find;
    this.#clock = clock;
  }

  /** @returns the unverified addresses that the last search found; empty before the first search, or without a result */
  async addressesOf(id: string): Promise<readonly string[]> {
    this.#wanted.add(id);
    const nowMs = this.#clock.monoMs();
    if (!this.#running && nowMs >= this.#nextMs) {
      this.#nextMs = nowMs + SEARCH_MS;
      const ids = [...this.#wanted];
      this.#wanted.clear();
      this.#running = this.#find(ids, this.#stop.signal).then(
        (found) => {
          this.#found = found;
          this.#running = undefined;
        },
        (error: unknown) => {
          this.#running = undefined;
          throw error;
        },
      );
    }
    await this.#running;
    return this.#found.get(id) ?? [];
  }

  close(): void {
    this.#stop.abort();
  }
}
