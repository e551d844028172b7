import { PerchError } from '../../../base/errors.ts';
import { BitReader } from '../../payload/bit-reader.ts';

/** What `avcC` and `hvcC` repeat of a sequence parameter set. Other fields are the parsers' of the codecs' own folders. */
interface PixelFormat {
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly lumaDepthBits: number;
  readonly chromaDepthBits: number;
}

interface HevcFields extends PixelFormat {
  /** general_profile_space to general_level_idc: the 12 bytes that `hvcC` repeats. */
  readonly profileTierLevel: Uint8Array;
  readonly temporalLayers: number;
  readonly isTemporallyNested: boolean;
}

/** The profiles whose parameter sets tell chroma format and bit depth (§7.3.2.1.1); all others are 8 bits 4:2:0. */
const HIGH_PROFILES = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/** undefined: the profile implies 8 bits 4:2:0 and `avcC` says nothing about it. */
export function avcPixelFormat(sps: Uint8Array): PixelFormat | undefined {
  if (!HIGH_PROFILES.includes(sps[1] ?? 0)) {
    return undefined;
  }
  const bits = new BitReader(sps, 4, sps.length, true);
  bits.ue(); // seq_parameter_set_id
  const chromaFormat = bits.ue();
  if (chromaFormat === 3) {
    bits.skip(1); // separate_colour_plane_flag
  }
  return pixelFormat(chromaFormat, bits.ue(), bits.ue());
}

function pixelFormat(chromaFormat: number, lumaMinus8: number, chromaMinus8: number): PixelFormat {
  if (chromaFormat > 3 || lumaMinus8 > 8 || chromaMinus8 > 8) {
    throw new PerchError('badInput', `parameter set with chroma format ${chromaFormat} and ${lumaMinus8 + 8} bits`);
  }
  return { chromaFormat, lumaDepthBits: lumaMinus8 + 8, chromaDepthBits: chromaMinus8 + 8 };
}

/** ITU-T H.265 §7.3.2.2, §7.3.3. */
export function hevcFields(sps: Uint8Array): HevcFields {
  const bits = new BitReader(sps, 2, sps.length, true);
  bits.skip(4); // sps_video_parameter_set_id
  const subLayersMinus1 = bits.bits(3);
  const isTemporallyNested = bits.flag();
  const profileTierLevel = Uint8Array.from({ length: 12 }, () => bits.bits(8));
  skipSubLayers(bits, subLayersMinus1);
  bits.ue(); // sps_seq_parameter_set_id
  const chromaFormat = bits.ue();
  if (chromaFormat === 3) {
    bits.skip(1); // separate_colour_plane_flag
  }
  bits.ue(); // pic_width_in_luma_samples
  bits.ue(); // pic_height_in_luma_samples
  if (bits.flag()) {
    for (let i = 0; i < 4; i += 1) {
      bits.ue(); // conf_win offsets
    }
  }
  const format = pixelFormat(chromaFormat, bits.ue(), bits.ue());
  return { ...format, profileTierLevel, temporalLayers: subLayersMinus1 + 1, isTemporallyNested };
}

/** sub_layer_profile_present_flag and sub_layer_level_present_flag with what they announce. */
function skipSubLayers(bits: BitReader, count: number): void {
  if (count === 0) {
    return;
  }
  let extraBits = 0;
  for (let i = 0; i < 8; i += 1) {
    const hasProfile = bits.flag();
    const hasLevel = bits.flag();
    extraBits += i < count ? (hasProfile ? 88 : 0) + (hasLevel ? 8 : 0) : 0;
  }
  bits.skip(extraBits);
}
