import { PerchError } from '../../base/errors.ts';
import type { NalTrack } from '../sample/track.ts';
import type { BitReader } from './bit-reader.ts';
import { isSame } from './nal.ts';

interface ParameterSet<T> {
  readonly nal: Uint8Array;
  readonly parsed: T;
}

/** The parameter sets of one type by their id. The standards bound the ids (H.264: 32 SPS, 256 PPS; H.265: 16, 64), so it is bounded. */
export class ParameterSets<T extends { readonly id: number }> {
  readonly #parse: (nal: Uint8Array) => T;
  readonly #byId = new Map<number, ParameterSet<T>>();

  constructor(parse: (nal: Uint8Array) => T) {
    this.#parse = parse;
  }

  get(id: number): ParameterSet<T> | undefined {
    return this.#byId.get(id);
  }

  get firstId(): number | undefined {
    return this.#byId.keys().next().value;
  }

  /** Copies the set if it is new and valid. @returns whether it changed anything; invalid sets are ignored */
  keep(data: Uint8Array, start: number, end: number): boolean {
    // Usual sets have 10 to 100 bytes, with scaling lists some hundreds.
    if (end - start > 1024 || this.#isKnown(data, start, end)) {
      return false;
    }
    const nal = data.slice(start, end);
    try {
      const parsed = this.#parse(nal);
      this.#byId.set(parsed.id, { nal, parsed });
      return true;
    } catch (error) {
      if (error instanceof PerchError) {
        return false;
      }
      throw error;
    }
  }

  /** The NAL units of the sets for which `isWanted` is true, by ascending id. */
  nalsWhere(isWanted: (parsed: T) => boolean): Uint8Array[] {
    const wanted = [...this.#byId.values()].filter(({ parsed }) => isWanted(parsed));
    return wanted.sort((a, b) => a.parsed.id - b.parsed.id).map(({ nal }) => nal);
  }

  #isKnown(data: Uint8Array, start: number, end: number): boolean {
    for (const { nal } of this.#byId.values()) {
      if (isSame(nal, data, start, end)) {
        return true;
      }
    }
    return false;
  }
}

/** Whether both lists have the same bytes: some cameras send unused sets in between. */
export function hasSameSets(track: NalTrack, other: NalTrack): boolean {
  const sets = setsOf(track);
  const others = setsOf(other);
  return sets.length === others.length && sets.every((set, i) => isSame(others[i], set, 0, set.length));
}

const setsOf = (track: NalTrack): readonly Uint8Array[] =>
  track.codec === 'h264' ? [track.sps, ...track.pps] : [track.vps, track.sps, ...track.pps];

const EXTENDED_SAR = 255;

/** The common start of the video usability information, H.264 §E.1.1 and H.265 §E.2.1: aspect ratio, overscan, colours, chroma. */
export function skipPictureDescription(bits: BitReader): void {
  if (bits.flag() && bits.bits(8) === EXTENDED_SAR) {
    bits.skip(32);
  }
  if (bits.flag()) {
    bits.skip(1); // overscan_appropriate_flag
  }
  if (bits.flag()) {
    bits.skip(4); // video_format, video_full_range_flag
    if (bits.flag()) {
      bits.skip(24); // colour description
    }
  }
  if (bits.flag()) {
    bits.ue(); // chroma sample location
    bits.ue();
  }
}
