import type { DateDoubt } from '../../system/clock-plausibility.ts';
import { DAY_MS } from '../base/time/units.ts';

/** Only recordings from at least this long before the doubtful date can confirm it: later ones may be dated by the same clock. */
const VOUCHER_BEFORE_MS = 60_000;

/**
 * Whether recordings may expire by the date. A date without a confirmed earlier one is confirmed by the newest recording
 * before it, if that is recent.
 */
export class DateCheck {
  readonly #doubt: (() => DateDoubt | undefined) | undefined;
  readonly #lastEndUs: (beforeUs: number) => number | undefined;
  /** How far before the doubtful date the newest recording ends: queried once. */
  #vouched: { readonly sinceMs: number; readonly gapMs: number } | undefined;

  /** @param lastEndUs end of the newest recording before a time, Unix microseconds */
  constructor(doubt: (() => DateDoubt | undefined) | undefined, lastEndUs: (beforeUs: number) => number | undefined) {
    this.#doubt = doubt;
    this.#lastEndUs = lastEndUs;
  }

  /** Why recordings must not expire by the date, or undefined if they may. @param isIndexFilled whether the newest recording is known */
  doubt(isIndexFilled: boolean): string | undefined {
    const doubt = this.#doubt?.();
    if (doubt?.kind !== 'new') {
      return doubt && doubtText(doubt.jumpMs, doubt.kind, 'the last confirmed one');
    }
    if (!isIndexFilled) {
      return undefined;
    }
    const { sinceMs } = doubt;
    if (this.#vouched?.sinceMs !== sinceMs) {
      const lastUs = this.#lastEndUs((sinceMs - VOUCHER_BEFORE_MS) * 1000);
      this.#vouched = { sinceMs, gapMs: lastUs === undefined ? 0 : sinceMs - lastUs / 1000 };
    }
    const { gapMs } = this.#vouched;
    // A box that was off for longer may have a wrong date.
    return gapMs > 7 * DAY_MS ? doubtText(gapMs, 'ahead', 'the newest recording') : undefined;
  }
}

const doubtText = (jumpMs: number, kind: 'ahead' | 'behind', of: string): string =>
  `the date is ${Math.round(jumpMs / DAY_MS)} days ${kind === 'ahead' ? 'after' : 'before'} ${of} and nothing confirms it: ` +
  'set the clock from the network (NTP), or if it is right create the file /run/perch-clock-set; ' +
  'otherwise it is accepted once Perch has run for 24 h';
