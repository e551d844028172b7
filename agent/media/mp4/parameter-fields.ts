import { PerchError } from '../../base/errors.ts';

/** What `avcC` and `hvcC` repeat of a sequence parameter set. Other fields are the parsers' of the codecs' own folders. */
export interface PixelFormat {
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly lumaDepthBits: number;
  readonly chromaDepthBits: number;
}

export interface HevcFields extends PixelFormat {
  /** general_profile_space to general_level_idc: the 12 bytes that `hvcC` repeats. */
  readonly profileTierLevel: Uint8Array;
  readonly temporalLayers: number;
  readonly isTemporallyNested: boolean;
}

/** The first bytes of a NAL unit without emulation prevention (ITU-T H.264 §7.4.1): nothing past them is needed. */
function withoutEmulation(nal: Uint8Array, limitBytes: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(nal.length, limitBytes));
  let length = 0;
  let zeros = 0;
  for (let i = 0; i < nal.length && length < bytes.length; i += 1) {
    const byte = nal[i] as number;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length] = byte;
    length += 1;
  }
  return bytes.subarray(0, length);
}

class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, startByte: number) {
    this.#bytes = bytes;
    this.#at = startByte * 8;
  }

  bit(): number {
    const byte = this.#bytes[this.#at >> 3];
    if (byte === undefined) {
      throw new PerchError('badInput', `parameter set of ${this.#bytes.length} bytes ends before its picture format`);
    }
    const bit = (byte >> (7 - (this.#at & 7))) & 1;
    this.#at += 1;
    return bit;
  }

  skip(bits: number): void {
    this.#at += bits;
  }

  /** ue(v), ITU-T H.264 §9.1. */
  golomb(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      zeros += 1;
      if (zeros > 31) {
        throw new PerchError('badInput', 'Exp-Golomb code longer than 31 bits in a parameter set');
      }
    }
    let value = 1;
    for (let i = 0; i < zeros; i += 1) {
      value = value * 2 + this.bit();
    }
    return value - 1;
  }
}

const PREFIX_BYTES = 256;
/** The profiles whose parameter sets tell chroma format and bit depth (§7.3.2.1.1); all others are 8 bits 4:2:0. */
const HIGH_PROFILES = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/** undefined: the profile implies 8 bits 4:2:0 and `avcC` says nothing about it. */
export function avcPixelFormat(sps: Uint8Array): PixelFormat | undefined {
  if (!HIGH_PROFILES.includes(sps[1] ?? 0)) {
    return undefined;
  }
  const bits = new BitReader(withoutEmulation(sps, PREFIX_BYTES), 4);
  bits.golomb(); // seq_parameter_set_id
  const chromaFormat = bits.golomb();
  if (chromaFormat === 3) {
    bits.skip(1); // separate_colour_plane_flag
  }
  return pixelFormat(chromaFormat, bits.golomb(), bits.golomb());
}

function pixelFormat(chromaFormat: number, lumaMinus8: number, chromaMinus8: number): PixelFormat {
  if (chromaFormat > 3 || lumaMinus8 > 8 || chromaMinus8 > 8) {
    throw new PerchError('badInput', `parameter set with chroma format ${chromaFormat} and ${lumaMinus8 + 8} bits`);
  }
  return { chromaFormat, lumaDepthBits: lumaMinus8 + 8, chromaDepthBits: chromaMinus8 + 8 };
}

/** ITU-T H.265 §7.3.2.2, §7.3.3. */
export function hevcFields(sps: Uint8Array): HevcFields {
  const bytes = withoutEmulation(sps, PREFIX_BYTES);
  const first = bytes[2] ?? 0;
  const subLayersMinus1 = (first >> 1) & 7;
  const profileTierLevel = bytes.slice(3, 15);
  const bits = new BitReader(bytes, 15);
  skipSubLayers(bits, subLayersMinus1);
  bits.golomb(); // sps_seq_parameter_set_id
  const chromaFormat = bits.golomb();
  if (chromaFormat === 3) {
    bits.skip(1); // separate_colour_plane_flag
  }
  bits.golomb(); // pic_width_in_luma_samples
  bits.golomb(); // pic_height_in_luma_samples
  if (bits.bit() === 1) {
    for (let i = 0; i < 4; i += 1) {
      bits.golomb(); // conf_win offsets
    }
  }
  return {
    ...pixelFormat(chromaFormat, bits.golomb(), bits.golomb()),
    profileTierLevel,
    temporalLayers: subLayersMinus1 + 1,
    isTemporallyNested: (first & 1) === 1,
  };
}

/** sub_layer_profile_present_flag and sub_layer_level_present_flag with what they announce. */
function skipSubLayers(bits: BitReader, count: number): void {
  if (count === 0) {
    return;
  }
  let extraBits = 0;
  for (let i = 0; i < 8; i += 1) {
    const hasProfile = bits.bit() === 1;
    const hasLevel = bits.bit() === 1;
    extraBits += i < count ? (hasProfile ? 88 : 0) + (hasLevel ? 8 : 0) : 0;
  }
  bits.skip(extraBits);
}
