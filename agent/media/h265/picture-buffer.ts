import { REFERENCES, type References } from '../payload/nal-rules.ts';

/** Where picture order counts have moved on by less than this share of what time has, a picture is lost at which they began again at 0. */
const MIN_PACE = 0.5;

/**
 * The pictures that a decoder has when it was given all that were accepted. Each slice header names every picture that it and all
 * later ones may refer to (H.265 §8.3.2), so that nothing has to be known of pictures that are lost.
 */
export class PictureBuffer {
  #pocs: number[] = [];
  /** Of those, the ones that the picture that is read leaves there. */
  #kept: number[] = [];
  #references: References = REFERENCES.unknown;
  // Of the picture that was accepted last, and of the key picture before it.
  #lastPoc = Number.NaN;
  #lastTicks = Number.NaN;
  #keyPoc = Number.NaN;
  #keyTicks = Number.NaN;
  #ticksPerPoc = Number.NaN;

  /** A picture is read. @param isReadable all that it names follows, else nothing is known of it */
  begin(isReadable: boolean): void {
    this.#kept.length = 0;
    this.#references = isReadable ? REFERENCES.all : REFERENCES.unknown;
  }

  /** The picture that is read names another. @param mask the bits of `poc` that are known */
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

  /** Whether the picture that was read last has those that it refers to. */
  references(poc: number | undefined, ticks: number): References {
    const steps = (poc ?? Number.NaN) - this.#lastPoc;
    const isInPace = (steps * this.#ticksPerPoc) / (ticks - this.#lastTicks) >= MIN_PACE;
    return isInPace ? this.#references : REFERENCES.unknown;
  }

  /** The picture that was read last goes to the decoder. */
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
