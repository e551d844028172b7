import { ConcurrencyLimit } from '../../base/concurrency-limit.ts';

/** Pictures of one person that are made or wait for the decoder, which has room for 16. */
const MAX_CONCURRENT = 4;
/** A page of events asks for some thirty at once. */
const MAX_WAITING = 60;

/** Pictures are made a few at a time for each person, so that the others get theirs. */
export class PictureTurns {
  readonly #people = new Map<string, { readonly limit: ConcurrencyLimit; count: number }>();

  /** @param person name or address @throws PerchError exhausted */
  async run<T>(person: string, work: () => Promise<T>): Promise<T> {
    const turns = this.#people.get(person) ?? {
      limit: new ConcurrencyLimit(MAX_CONCURRENT, MAX_WAITING, 'pictures'),
      count: 0,
    };
    this.#people.set(person, turns);
    turns.count += 1;
    try {
      return await turns.limit.run(work);
    } finally {
      turns.count -= 1;
      if (turns.count === 0) {
        this.#people.delete(person);
      }
    }
  }
}
