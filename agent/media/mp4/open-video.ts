import { parseAv1Sequence } from '../av1/params.ts';
import type { Av1Track, Vp8Track, Vp9Track } from '../sample/track.ts';
import { vp9Level } from '../vp9/params.ts';
import { box, fullBox, u8, u16 } from './box/boxes.ts';

/** Colours are not specified: CICP, ISO/IEC 23091-2. */
const UNSPECIFIED = 2;
const CHROMA_420 = 1;

/** "AV1 Codec ISO Media File Format Binding" §2.3.3. */
export function av1C(track: Av1Track): Uint8Array {
  const sequence = parseAv1Sequence(track.sequenceHeader);
  const flags =
    (sequence.tier << 7) |
    (sequence.bitDepth > 8 ? 0x40 : 0) |
    (sequence.bitDepth === 12 ? 0x20 : 0) |
    (sequence.isMonochrome ? 0x10 : 0) |
    (sequence.isHalfWidth ? 0x08 : 0) |
    (sequence.isHalfHeight ? 0x04 : 0) |
    sequence.chromaPosition;
  const noPresentationDelay = 0;
  return box(
    'av1C',
    u8(0x80 | 1), // marker, version 1
    u8((sequence.profile << 5) | sequence.levelIdx),
    u8(flags),
    u8(noPresentationDelay),
    track.sequenceHeader,
  );
}

/** "VP Codec ISO Media File Format Binding": VPCodecConfigurationBox, for VP8 and VP9 alike. */
export function vpcC(track: Vp8Track | Vp9Track): Uint8Array {
  const { profile, bitDepth, chromaSubsampling, isFullRange } =
    track.codec === 'vp9' ? track : { profile: 0, bitDepth: 8, chromaSubsampling: CHROMA_420, isFullRange: false };
  const level = vp9Level(track.width, track.height, track.fps);
  const depthChromaRange = (bitDepth << 4) | (chromaSubsampling << 1) | (isFullRange ? 1 : 0);
  const colors = [UNSPECIFIED, UNSPECIFIED, UNSPECIFIED];
  const noInitialization = u16(0);
  return fullBox('vpcC', 1, 0, [profile, level, depthChromaRange, ...colors], noInitialization);
}
