import type { BitReader } from './bit-reader.ts';

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
