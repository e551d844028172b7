import { addCount } from '../count-map.ts';
import { subscriberOf } from './ip-address.ts';

/** Limits waiting requests in total and for one subscriber. */
export class WaitQuota {
  readonly #total: number;
  readonly #ofOne: number;
  readonly #taken = new Map<string, number>();
  #count = 0;

  constructor(total: number, ofOne: number) {
    this.#total = total;
    this.#ofOne = ofOne;
  }

  /** @param ip canonical @returns releases the place, call once, or undefined if it is full */
  take(ip: string): (() => void) | undefined {
    const who = subscriberOf(ip);
    const ofOne = this.#taken.get(who) ?? 0;
    if (this.#count >= this.#total || ofOne >= this.#ofOne) {
      return undefined;
    }
    this.#count += 1;
    addCount(this.#taken, who, 1);
    return () => {
      this.#count -= 1;
      addCount(this.#taken, who, -1);
    };
  }
}
