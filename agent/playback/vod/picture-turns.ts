import { ConcurrencyLimits } from '../../base/concurrency-limit.ts';

/** Pictures of one person that are made or wait for the decoder, which has room for 16. */
const MAX_CONCURRENT = 4;
/** A page of events asks for some thirty at once. */
const MAX_WAITING = 60;

/** Pictures are made a few at a time for each person, by name or address, so that the others get theirs. */
export class PictureTurns extends ConcurrencyLimits {
  constructor() {
    super(MAX_CONCURRENT, MAX_WAITING, 'pictures');
  }
}
