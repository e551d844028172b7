import { PerchError } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import type { Av1Track } from '../sample/track.ts';
import { Leb128, OBU, OBU_EXTENSION, OBU_HAS_SIZE, obuType } from './obu.ts';

/** Numbers of `vpcC` and CICP. */
const CICP_BT709 = 1;
const CICP_SRGB = 13;
const CICP_IDENTITY = 0;
/** With 32 operating points, the maximum, it has about 400 bytes; the track keeps it for key frames. */
const MAX_SEQUENCE_BYTES = 1_024;
/** The lowest seq_level_idx with a tier, §5.5.1. */
const FIRST_TIERED_LEVEL = 8;

/** The fields of a sequence header OBU in `av1C`, playlists and SDP, AV1 bitstream specification §5.5. */
interface Av1Sequence extends Av1Color {
  /** 0 Main, 1 High, 2 Professional. */
  readonly profile: number;
  /** seq_level_idx of the first operating point: 4 × (major - 2) + minor. */
  readonly levelIdx: number;
  readonly tier: number;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly fps: number | undefined;
  /** reduced_still_picture_header: every frame is a key frame. */
  readonly isReduced: boolean;
}

interface Av1Color {
  readonly bitDepth: 8 | 10 | 12;
  readonly isMonochrome: boolean;
  readonly isHalfWidth: boolean;
  readonly isHalfHeight: boolean;
  /** chroma_sample_position: 0 unknown, 1 vertical, 2 colocated. */
  readonly chromaPosition: number;
}

/** @param obu with its header and, if flagged, its size. Throws a PerchError. */
export function parseAv1Sequence(obu: Uint8Array): Av1Sequence {
  const header = obu[0] ?? 0;
  let start = 1 + ((header & OBU_EXTENSION) === 0 ? 0 : 1);
  if (obuType(header) !== OBU.sequenceHeader) {
    throw new PerchError('badInput', `OBU of type ${obuType(header)} is not a sequence header`);
  }
  if (obu.length > MAX_SEQUENCE_BYTES) {
    throw new PerchError('badInput', `AV1 sequence header of ${obu.length} bytes, at most ${MAX_SEQUENCE_BYTES}`);
  }
  if ((header & OBU_HAS_SIZE) !== 0) {
    const size = new Leb128();
    if (!size.read(obu, start, obu.length)) {
      throw new PerchError('badInput', 'AV1 sequence header has no size');
    }
    start = size.next;
  }
  const bits = new BitReader(obu, start, obu.length, false);
  const profile = bits.bits(3);
  bits.skip(1); // still_picture
  const isReduced = bits.flag();
  const level = isReduced ? { fps: undefined, levelIdx: bits.bits(5), tier: 0 } : parseOperatingPoints(bits);
  const size = parseSize(bits);
  skipTools(bits, isReduced);
  return { profile, isReduced, ...level, ...size, ...parseColor(bits, profile) };
}

function parseOperatingPoints(bits: BitReader): Pick<Av1Sequence, 'fps' | 'levelIdx' | 'tier'> {
  let fps: number | undefined;
  let delayBits = 0;
  if (bits.flag()) {
    fps = parseTiming(bits);
    if (bits.flag()) {
      delayBits = bits.bits(5) + 1;
      bits.skip(32 + 5 + 5); // num_units_in_decoding_tick, lengths of two more fields
    }
  }
  const hasDisplayDelay = bits.flag();
  const count = bits.bits(5) + 1;
  let [levelIdx, tier] = [0, 0];
  for (let i = 0; i < count; i += 1) {
    bits.skip(12); // operating_point_idc
    const level = bits.bits(5);
    const ownTier = level >= FIRST_TIERED_LEVEL ? bits.bits(1) : 0;
    if (i === 0) {
      [levelIdx, tier] = [level, ownTier];
    }
    if (delayBits > 0 && bits.flag()) {
      bits.skip(2 * delayBits + 1);
    }
    if (hasDisplayDelay && bits.flag()) {
      bits.skip(4);
    }
  }
  return { fps, levelIdx, tier };
}

/** timing_info(), §5.5.3. */
function parseTiming(bits: BitReader): number | undefined {
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  if (!bits.flag()) {
    return undefined;
  }
  const ticksPerPicture = bits.ue() + 1;
  const fps = timeScale / (unitsInTick * ticksPerPicture);
  return fps > 0 && fps <= 1_000 ? fps : undefined;
}

function parseSize(bits: BitReader): { width: number; height: number } {
  const [widthBits, heightBits] = [bits.bits(4) + 1, bits.bits(4) + 1];
  return { width: bits.bits(widthBits) + 1, height: bits.bits(heightBits) + 1 };
}

/** The fields between size and color_config(). */
function skipTools(bits: BitReader, isReduced: boolean): void {
  if (!isReduced && bits.flag()) {
    bits.skip(4 + 3); // lengths of frame ids
  }
  bits.skip(3); // superblock size, filter_intra, intra_edge_filter
  if (!isReduced) {
    bits.skip(4); // interintra and masked compound, warped motion, dual filter
    const hasOrderHint = bits.flag();
    bits.skip(hasOrderHint ? 2 : 0);
    // seq_choose_screen_content_tools or seq_force_screen_content_tools; the same for integer motion vectors.
    const mayUseScreenTools = bits.flag() || bits.flag();
    if (mayUseScreenTools && !bits.flag()) {
      bits.skip(1);
    }
    bits.skip(hasOrderHint ? 3 : 0);
  }
  bits.skip(3); // superres, cdef, restoration
}

/** color_config(), §5.5.2. */
function parseColor(bits: BitReader, profile: number): Av1Color {
  const isHighDepth = bits.flag();
  const bitDepth = profile === 2 && isHighDepth && bits.flag() ? 12 : isHighDepth ? 10 : 8;
  const isMonochrome = profile !== 1 && bits.flag();
  let [primaries, transfer, matrix] = [2, 2, 2];
  if (bits.flag()) {
    [primaries, transfer, matrix] = [bits.bits(8), bits.bits(8), bits.bits(8)];
  }
  if (isMonochrome) {
    return { bitDepth, isMonochrome, isHalfWidth: true, isHalfHeight: true, chromaPosition: 0 };
  }
  if (primaries === CICP_BT709 && transfer === CICP_SRGB && matrix === CICP_IDENTITY) {
    return { bitDepth, isMonochrome, isHalfWidth: false, isHalfHeight: false, chromaPosition: 0 };
  }
  bits.skip(1); // color_range
  let [isHalfWidth, isHalfHeight] = [profile !== 1, profile === 0];
  if (profile === 2 && bitDepth === 12) {
    isHalfWidth = bits.flag();
    isHalfHeight = isHalfWidth && bits.flag();
  }
  const chromaPosition = isHalfWidth && isHalfHeight ? bits.bits(2) : 0;
  return { bitDepth, isMonochrome, isHalfWidth, isHalfHeight, chromaPosition };
}

/** @param sequenceHeader an OBU with its size; kept unchanged @throws PerchError */
export function av1Track(sequenceHeader: Uint8Array): Av1Track {
  const { width, height, fps } = parseAv1Sequence(sequenceHeader);
  return { kind: 'video', codec: 'av1', clockRate: 90_000, width, height, fps, sequenceHeader };
}
