import { PerchError } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import { findStartCode } from '../payload/nal.ts';
import type { MpegVideoTrack } from '../sample/track.ts';

/** Start codes of ISO/IEC 13818-2 table 6-1: 00 00 01 and one of these. */
export const START = {
  picture: 0x00,
  /** 0x01 to 0xaf. */
  slice: 0x01,
  lastSlice: 0xaf,
  sequence: 0xb3,
  extension: 0xb5,
  group: 0xb8,
} as const;

/** A sequence header with both matrices has 140 bytes; its extensions less than 30. */
const MAX_CONFIG_BYTES = 1_024;
const SEQUENCE_EXTENSION = 1;
/** frame_rate_code, ISO/IEC 13818-2 table 6-4. */
const FRAME_RATES: readonly (number | undefined)[] = [
  undefined,
  24_000 / 1001,
  24,
  25,
  30_000 / 1001,
  30,
  50,
  60_000 / 1001,
  60,
];

/** The used fields of a sequence header and its extension, ISO/IEC 13818-2 §6.2.2. */
interface Sequence {
  readonly width: number;
  readonly height: number;
  readonly fps: number | undefined;
  readonly version: 1 | 2;
  /** No B-pictures. */
  readonly isLowDelay: boolean;
}

/** @param config sequence header with its extensions @throws PerchError */
export function parseSequence(config: Uint8Array): Sequence {
  if (config.length > MAX_CONFIG_BYTES) {
    throw new PerchError(
      'badInput',
      `MPEG video sequence header of ${config.length} bytes, at most ${MAX_CONFIG_BYTES}`,
    );
  }
  const bits = new BitReader(config, 4, config.length, false);
  let width = bits.bits(12);
  let height = bits.bits(12);
  bits.skip(4); // aspect_ratio_information
  let fps = FRAME_RATES[bits.bits(4)];
  let isLowDelay = false;
  const extension = extensionOf(config);
  if (extension >= 0) {
    bits.reset(config, extension + 4, config.length);
    bits.skip(4 + 8 + 1 + 2); // identifier, profile_and_level_indication, progressive_sequence, chroma_format
    width += bits.bits(2) << 12;
    height += bits.bits(2) << 12;
    bits.skip(12 + 1 + 8); // bit_rate_extension, marker, vbv_buffer_size_extension
    isLowDelay = bits.flag();
    const numerator = bits.bits(2) + 1;
    fps = fps && (fps * numerator) / (bits.bits(5) + 1);
  }
  if (width === 0 || height === 0) {
    throw new PerchError('badInput', `MPEG video of ${width}x${height} pixels`);
  }
  return { width, height, fps, version: extension >= 0 ? 2 : 1, isLowDelay };
}

/** @param config kept unchanged @throws PerchError */
export function mpegVideoTrack(config: Uint8Array): MpegVideoTrack {
  const { width, height, fps, version } = parseSequence(config);
  return { kind: 'video', codec: 'mpeg-video', clockRate: 90_000, width, height, fps, version, config };
}

/** The offset of the sequence extension, which only MPEG-2 has; -1: none. */
function extensionOf(config: Uint8Array): number {
  for (let code = findStartCode(config, 4, config.length); code >= 0; ) {
    const body = config[code + 4] ?? 0;
    if (config[code + 3] === START.extension && body >> 4 === SEQUENCE_EXTENSION) {
      return code;
    }
    code = findStartCode(config, code + 4, config.length);
  }
  return -1;
}
