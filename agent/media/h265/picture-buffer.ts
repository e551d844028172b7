import { REFERENCES, type References } from '../payload/nal-rules.ts';

/** If picture order counts advance by less than this share of the time, a picture that restarted them at 0 is lost. */
const MIN_PACE = 0.5;

/**
 * The pictures in the buffer of a decoder that received all delivered pictures. Each slice header names every picture that its picture
 * and later ones may refer to (H.265 §8.3.2), so lost pictures need not be known.
 */
export class PictureBuffer {
  #pocs: number[] = [];
  /** Picture order counts that the current picture keeps. */
  #kept: number[] = [];
  #references: References = REFERENCES.unknown;
  // Picture order count and time of the last delivered picture, and of its key picture.
  #lastPoc = Number.NaN;
  #lastTicks = Number.NaN;
  #keyPoc = Number.NaN;
  #keyTicks = Number.NaN;
  #ticksPerPoc = Number.NaN;

  /** A slice header begins. @param isReadable `name` follows for each of its references; else they are unknown */
  begin(isReadable: boolean): void {
    this.#kept.length = 0;
    this.#references = isReadable ? REFERENCES.all : REFERENCES.unknown;
  }

  /** The current picture names another. @param mask the known bits of `poc` */
  name(poc: number, isUsed: boolean, mask = -1): void {
    const held = this.#pocs.find((other) => ((other ^ poc) & mask) === 0);
    if (held !== undefined) {
      this.#kept.push(held);
    } else if (isUsed) {
      this.#references = REFERENCES.missing;
    } else if (this.#references === REFERENCES.all) {
      this.#references = REFERENCES.there;
    }
  }

  /** Whether the references of the current picture are in the buffer. */
  references(poc: number | undefined, ticks: number): References {
    const steps = (poc ?? Number.NaN) - this.#lastPoc;
    const isInPace = (steps * this.#ticksPerPoc) / (ticks - this.#lastTicks) >= MIN_PACE;
    return isInPace ? this.#references : REFERENCES.unknown;
  }

  /** The current picture is delivered. */
  accept(poc: number | undefined, ticks: number, isKey: boolean): void {
    const before = this.#pocs;
    this.#pocs = this.#kept;
    this.#kept = before;
    if (poc === undefined || this.#references === REFERENCES.unknown) {
      this.#pocs.length = 0;
      this.#lastPoc = Number.NaN;
      return;
    }
    this.#pocs.push(poc);
    if (isKey) {
      this.#keyPoc = poc;
      this.#keyTicks = ticks;
    } else if (poc > this.#keyPoc) {
      this.#ticksPerPoc = (ticks - this.#keyTicks) / (poc - this.#keyPoc);
    }
    this.#lastPoc = poc;
    this.#lastTicks = ticks;
  }
}
