import { PerchError } from '../../base/errors.ts';
import { type FrameRules, IN_ORDER, withHeader } from '../payload/frame-assembler.ts';
import { isSame } from '../payload/nal.ts';
import type { Av1Track } from '../sample/track.ts';
import { Leb128, OBU, OBU_EXTENSION, obuType } from './obu.ts';
import { av1Track, parseAv1Sequence } from './params.ts';

/** Bits of the first byte of a frame header, §5.9.2: show_existing_frame (1), frame_type (2; 0: key frame), show_frame (1). */
const SHOWN_KEY_MASK = 0xf0;
const SHOWN_KEY = 0x10;

/** AV1 for the assembly of temporal units: key units, and the description of the stream. */
export class Av1Rules implements FrameRules {
  readonly order = undefined;
  readonly pictureOrder = IN_ORDER;
  isKey = false;
  track: Av1Track | undefined;
  readonly #size = new Leb128();
  #isReduced = false;
  #hasSequence = false;

  /** Iterates over the OBUs, which all have size fields. */
  read(data: Uint8Array, start: number, end: number): boolean {
    this.isKey = false;
    this.#hasSequence = false;
    for (let at = start; at < end; at = this.#size.next + this.#size.value) {
      const header = data[at] as number;
      const sizeAt = at + ((header & OBU_EXTENSION) === 0 ? 1 : 2);
      if (!this.#size.read(data, sizeAt, end) || this.#size.next + this.#size.value > end) {
        throw new PerchError('badInput', `OBU at byte ${at - start} of ${end - start} has no end`);
      }
      const type = obuType(header);
      if (type === OBU.sequenceHeader) {
        this.#hasSequence = true;
        this.#describe(data, at, this.#size.next + this.#size.value);
      } else if (type === OBU.frame || type === OBU.frameHeader) {
        const first = this.#size.value > 0 ? (data[this.#size.next] as number) : 0xff;
        this.isKey = this.#isReduced || (first & SHOWN_KEY_MASK) === SHOWN_KEY;
        return true;
      }
    }
    return false;
  }

  /** A reader that joins here needs the sequence header in the sample itself ("AV1 Codec ISO Media File Format Binding" §2.4): some senders leave it out. */
  complete(unit: Uint8Array): Uint8Array {
    if (!this.isKey || this.#hasSequence || !this.track) {
      return unit;
    }
    return withHeader(this.track.sequenceHeader, unit);
  }

  #describe(data: Uint8Array, start: number, end: number): void {
    if (!isSame(this.track?.sequenceHeader, data, start, end)) {
      const sequenceHeader = data.slice(start, end);
      this.#isReduced = parseAv1Sequence(sequenceHeader).isReduced;
      this.track = av1Track(sequenceHeader);
    }
  }
}
