import { PerchError } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import { type FrameRules, IN_ORDER } from '../payload/frame-assembler.ts';
import type { Vp9Track } from '../sample/track.ts';

const FRAME_MARKER = 2;
const SYNC_CODE = 0x498342;
const COLOR_SPACE_RGB = 7;
/** Numbers of `vpcC`; 4:4:0, which it cannot express, becomes 4:4:4. */
const CHROMA_420 = 1;
const CHROMA_422 = 2;
const CHROMA_444 = 3;

/** The stream's description in a key frame: VP9 bitstream specification §6.2, §7.2. */
interface Vp9Header {
  readonly profile: number;
  readonly bitDepth: 8 | 10 | 12;
  readonly chromaSubsampling: number;
  readonly isFullRange: boolean;
  readonly width: number;
  readonly height: number;
}

/** uncompressed_header(): frame marker, profile (low bit first; 3 has one bit more), show_existing_frame, frame_type. */
export function isVp9Key(data: Uint8Array, start: number): boolean {
  const first = data[start] as number;
  const isProfile3 = (first & 0x30) === 0x30;
  // Then show_existing_frame and frame_type (0: key frame), both 0.
  return first >> 6 === FRAME_MARKER && (isProfile3 ? first & 0x06 : first & 0x0c) === 0;
}

/** Parses the header of a key frame. @throws PerchError */
export function parseVp9Header(bits: BitReader): Vp9Header {
  bits.skip(2); // frame_marker
  const profile = bits.bits(1) + 2 * bits.bits(1);
  // Then reserved_zero (profile 3), show_existing_frame, frame_type, show_frame, error_resilient_mode.
  bits.skip(profile === 3 ? 5 : 4);
  const syncCode = bits.bits(24);
  if (syncCode !== SYNC_CODE) {
    throw new PerchError('badInput', `VP9 key frame with sync code ${syncCode.toString(16)}, expected 498342`);
  }
  const bitDepth = profile < 2 ? 8 : bits.flag() ? 12 : 10;
  const color = parseColor(bits, profile);
  return { profile, bitDepth, ...color, width: bits.bits(16) + 1, height: bits.bits(16) + 1 };
}

/** color_config(). */
function parseColor(bits: BitReader, profile: number): Pick<Vp9Header, 'chromaSubsampling' | 'isFullRange'> {
  const hasOtherSubsampling = profile === 1 || profile === 3;
  if (bits.bits(3) === COLOR_SPACE_RGB) {
    bits.skip(hasOtherSubsampling ? 1 : 0); // reserved_zero
    return { chromaSubsampling: CHROMA_444, isFullRange: true };
  }
  const isFullRange = bits.flag();
  if (!hasOtherSubsampling) {
    return { chromaSubsampling: CHROMA_420, isFullRange };
  }
  const [isHalfWidth, isHalfHeight] = [bits.flag(), bits.flag()];
  bits.skip(1); // reserved_zero
  return {
    chromaSubsampling: isHalfWidth ? (isHalfHeight ? CHROMA_420 : CHROMA_422) : CHROMA_444,
    isFullRange,
  };
}

/** Ten times the level: the largest luma picture size of each, and its limit of luma samples per second. */
const SIZE_LEVELS: readonly (readonly [level: number, lumaSamples: number, lumaSamplesPerSecond: number])[] = [
  [10, 36_864, 829_440],
  [11, 73_728, 2_764_800],
  [20, 122_880, 4_608_000],
  [21, 245_760, 9_216_000],
  [30, 552_960, 20_736_000],
  [31, 983_040, 36_864_000],
  [40, 2_228_224, 83_558_400],
  [41, 2_228_224, 160_432_128],
  [50, 8_912_896, 311_951_360],
  [51, 8_912_896, 588_251_136],
  [52, 8_912_896, 1_176_502_272],
];
const USUAL_FPS = 30;

/** Ten times the VP9 level (webmproject.org/vp9/levels) for this size and rate: the stream has no level. */
export function vp9Level(width: number, height: number, fps = USUAL_FPS): number {
  const samples = width * height;
  const level = SIZE_LEVELS.find(([, size, rate]) => samples <= size && samples * fps <= rate);
  return level?.[0] ?? 62;
}

export class Vp9Rules implements FrameRules {
  readonly order = undefined;
  readonly pictureOrder = IN_ORDER;
  isKey = false;
  track: Vp9Track | undefined;
  readonly #bits = new BitReader(new Uint8Array(0), 0, 0, false);

  read(data: Uint8Array, start: number, end: number): boolean {
    this.isKey = isVp9Key(data, start);
    if (this.isKey) {
      this.#bits.reset(data, start, end);
      this.#describe(parseVp9Header(this.#bits));
    }
    return true;
  }

  complete(unit: Uint8Array): Uint8Array {
    return unit;
  }

  #describe(header: Vp9Header): void {
    const { track } = this;
    const isSame =
      header.width === track?.width &&
      header.height === track.height &&
      header.profile === track.profile &&
      header.bitDepth === track.bitDepth &&
      header.chromaSubsampling === track.chromaSubsampling &&
      header.isFullRange === track.isFullRange;
    if (!isSame) {
      this.track = { kind: 'video', codec: 'vp9', clockRate: 90_000, fps: undefined, ...header };
    }
  }
}
