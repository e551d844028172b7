import type { SenderTraits } from './depacketizer.ts';
import { type NalRules, REFERENCES } from './nal-rules.ts';

/** Without a key picture for this long, a recovery point counts as one: some encoders refresh gradually and send at most one IDR picture. 90 kHz. */
const KEYLESS_TICKS = 10 * 90_000;
/** Leading pictures follow their key picture within this time. 90 kHz. */
const LEADING_TICKS = 5 * 90_000;

/** How a unit is delivered. */
export const SHOWN = { not: 0, plain: 1, key: 2 } as const;

/**
 * Decides which pictures are shown after a loss: all from the next key picture or recovery point on; all at once if only disposable
 * pictures are missing; and if slice headers name their references, each picture whose references are complete.
 */
export class PictureChain {
  /** Pictures are dropped up to the next key picture or recovery point. */
  isWaiting = true;
  /** Pictures are missing, and slice headers show whether a picture refers to them. */
  isDoubtful = false;
  readonly #rules: NalRules;
  readonly #continuesAfterLoss: boolean;
  readonly #isFile: boolean;
  #lastTicks = Number.NaN;
  #lastKeyTicks = Number.NaN;
  #leadingBefore = Number.NEGATIVE_INFINITY;

  constructor(rules: NalRules, { continuesAfterLoss = false, isFile = false }: SenderTraits) {
    this.#rules = rules;
    this.#continuesAfterLoss = continuesAfterLoss;
    this.#isFile = isFile;
    this.isWaiting = !isFile;
  }

  /** @param isNeeded a missing picture may be a reference */
  damage(isNeeded: boolean): void {
    if (this.isWaiting || this.#continuesAfterLoss || this.#isFile) {
      return;
    }
    this.isWaiting = isNeeded && !this.#rules.namesReferences;
    this.isDoubtful = !this.isWaiting;
  }

  /** How to deliver the unit whose first slice `rules` has read. */
  judge(ticks: number, isKeyUnit: boolean, hasRecoveryPoint: boolean): (typeof SHOWN)[keyof typeof SHOWN] {
    if (isKeyUnit || this.#isLateRecovery(ticks, hasRecoveryPoint)) {
      return SHOWN.key;
    }
    const isShown = !this.isWaiting && (!this.isDoubtful || this.#hasReferences(ticks));
    // A decoder with pictures is correct from the recovery point on, except for pictures that precede it in output order.
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

  /** The unit is delivered. */
  accept(ticks: number, isKey: boolean): void {
    if (isKey) {
      // Leading pictures refer to pictures before their key picture, which may be missing (H.265 §3: RASL).
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
