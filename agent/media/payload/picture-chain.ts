import { type NalRules, REFERENCES } from './nal-rules.ts';

/** After this long without a key picture a recovery point counts as one: some encoders refresh gradually and send one IDR picture or none. */
const KEYLESS_TICKS = 10 * 90_000;
/** Leading pictures come right behind their key picture. */
const LEADING_TICKS = 5 * 90_000;

/** What a unit is shown as. */
export const SHOWN = { not: 0, plain: 1, key: 2 } as const;

/**
 * Whether pictures can be shown after what is missing before them. After a loss that is from the next key picture on, or from
 * the next recovery point; at once where no picture is missing that others refer to, and where pictures name those that they refer to,
 * each that has them.
 */
export class PictureChain {
  /** Nothing is shown before the next key picture or recovery point. */
  isWaiting = true;
  /** Something is missing, and slice headers show whether a picture needs it. */
  isDoubtful = false;
  readonly #rules: NalRules;
  readonly #continuesAfterLoss: boolean;
  #lastTicks = Number.NaN;
  #lastKeyTicks = Number.NaN;
  #leadingBefore = Number.NEGATIVE_INFINITY;

  /** @param continuesAfterLoss pictures are shown whatever is missing before them */
  constructor(rules: NalRules, continuesAfterLoss: boolean) {
    this.#rules = rules;
    this.#continuesAfterLoss = continuesAfterLoss;
  }

  /** Something is missing. @param isNeeded a picture that others refer to is a part of it */
  damage(isNeeded: boolean): void {
    if (this.isWaiting || this.#continuesAfterLoss) {
      return;
    }
    this.isWaiting = isNeeded && !this.#rules.namesReferences;
    this.isDoubtful = !this.isWaiting;
  }

  /** How the unit whose first slice `rules` have read is shown. */
  judge(ticks: number, isKeyUnit: boolean, hasRecoveryPoint: boolean): (typeof SHOWN)[keyof typeof SHOWN] {
    if (isKeyUnit || this.#isLateRecovery(ticks, hasRecoveryPoint)) {
      return SHOWN.key;
    }
    const isShown = !this.isWaiting && (!this.isDoubtful || this.#hasReferences(ticks));
    // A decoder that has pictures becomes right from a recovery point on; what is shown before it and comes behind it does not.
    if (!isShown && hasRecoveryPoint && !Number.isNaN(this.#lastTicks)) {
      this.isWaiting = false;
      this.isDoubtful = false;
      this.#leadingBefore = ticks;
      return SHOWN.plain;
    }
    const distance = this.#leadingBefore - ticks;
    const isLeading = distance > 0 && distance < LEADING_TICKS;
    return isShown && !isLeading ? SHOWN.plain : SHOWN.not;
  }

  /** The unit is given on. */
  accept(ticks: number, isKey: boolean): void {
    if (isKey) {
      // Leading pictures refer to pictures before their key picture, which are or may be missing now (H.265 §3: RASL).
      this.#leadingBefore = this.isWaiting || this.isDoubtful ? ticks : Number.NEGATIVE_INFINITY;
      this.#lastKeyTicks = ticks;
      this.isWaiting = false;
      this.isDoubtful = false;
    }
    this.#lastTicks = ticks;
    this.#rules.accept(ticks);
  }

  #hasReferences(ticks: number): boolean {
    const references = this.#rules.references(ticks);
    this.isWaiting = references === REFERENCES.unknown;
    this.isDoubtful = references === REFERENCES.missing || references === REFERENCES.there;
    return references >= REFERENCES.there;
  }

  #isLateRecovery(ticks: number, hasRecoveryPoint: boolean): boolean {
    if (Number.isNaN(this.#lastKeyTicks)) {
      this.#lastKeyTicks = ticks;
    }
    return hasRecoveryPoint && Math.abs(ticks - this.#lastKeyTicks) > KEYLESS_TICKS;
  }
}
