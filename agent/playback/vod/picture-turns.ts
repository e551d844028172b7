import { ConcurrencyLimits } from '../../base/concurrency-limit.ts';

/** Pictures are made a few at a time for each person, by name or address, so that the others get theirs. */
export class PictureTurns extends ConcurrencyLimits {
  constructor() {
    // Of one person: the decoder has room for 16, and a page of events asks for some thirty at once.
    super(4, 60, 'pictures');
  }
}
