import { PerchError } from '../../../base/errors.ts';
import { parseAv1Sequence } from '../../av1/params.ts';
import { HIGH_PROFILES, parseH264Sps } from '../../h264/params.ts';
import { parseH265Sps } from '../../h265/params.ts';
import { mpegAudioObjectType } from '../../mpeg-audio/params.ts';
import type {
  Ac3Track,
  AudioTrack,
  Av1Track,
  Eac3Track,
  FlacTrack,
  H264Track,
  H265Track,
  MpegAudioTrack,
  OpusTrack,
  VideoTrack,
  Vp8Track,
  Vp9Track,
} from '../../sample/track.ts';
import { vp9Level } from '../../vp9/params.ts';
import { box, type Fields, fullBox, join, u8, u16, u24, u32, zeros } from '../box/boxes.ts';

/** RFC 7845 §4.2, at 48 kHz: the look-ahead of libopus, assumed for streams without a pre-skip. */
const OPUS_PRE_SKIP_SAMPLES = 312;
const NAL_LENGTH_BYTES = 4;

/** VisualSampleEntry, ISO/IEC 14496-12 §12.1.3, around the box of the codec. */
export function visualEntry(type: string, track: VideoTrack, config: Uint8Array): Uint8Array {
  const dpi72 = u32(72 << 16);
  const [frameCount, depth] = [u16(1), u16(0x18)];
  const compressorName = zeros(32);
  return box(
    type,
    [...zeros(6), ...u16(1)],
    zeros(16),
    u16(track.width),
    u16(track.height),
    dpi72,
    dpi72,
    zeros(4),
    frameCount,
    compressorName,
    depth,
    u16(0xffff),
    config,
  );
}

/** AudioSampleEntry, ISO/IEC 14496-12 §12.2.3. */
export function audioEntry(type: string, track: AudioTrack, config: Uint8Array): Uint8Array {
  return box(
    type,
    [...zeros(6), ...u16(1)],
    zeros(8),
    u16(track.channels),
    u16(16),
    zeros(4),
    [...u16(entryRateHz(track)), ...u16(0)],
    config,
  );
}

/**
 * Sample rate for the 16.16 field of the entry. A rate above 65,535 Hz does not fit: the field is 0, and the codec's own box has the true
 * rate. For FLAC, where Firefox rejects 0, it is the largest half, quarter … that fits ("Encapsulation of FLAC in ISO Base Media File
 * Format" §3.3.1).
 */
function entryRateHz(track: AudioTrack): number {
  let rateHz = track.codec === 'mpeg-audio' ? track.sampleRate : track.clockRate;
  while (track.codec === 'flac' && rateHz > 0xffff) {
    rateHz = Math.floor(rateHz / 2);
  }
  return rateHz <= 0xffff ? rateHz : 0;
}

/** ISO/IEC 14496-15 §5.3.3.1. */
export function avcC(track: H264Track): Uint8Array {
  const { profileIdc, chromaFormatIdc, bitDepthLuma, bitDepthChroma } = parseH264Sps(track.sps);
  const isHigh = HIGH_PROFILES.includes(profileIdc);
  const tail = isHigh ? [0xfc | chromaFormatIdc, 0xf8 | (bitDepthLuma - 8), 0xf8 | (bitDepthChroma - 8), 0] : [];
  return box(
    'avcC',
    [1, ...track.sps.subarray(1, 4), 0xfc | (NAL_LENGTH_BYTES - 1)],
    u8(0xe0 | 1),
    withLength(track.sps),
    u8(track.pps.length),
    join(track.pps.map(withLength)),
    tail,
  );
}

const VPS_TYPE = 32;
const SPS_TYPE = 33;
const PPS_TYPE = 34;

/** ISO/IEC 14496-15 §8.3.3.1. */
export function hvcC(track: H265Track): Uint8Array {
  const { profile, subLayers, isTemporalIdNested, chromaFormatIdc, bitDepthLuma, bitDepthChroma } = parseH265Sps(
    track.sps,
  );
  const layers = (subLayers << 3) | (isTemporalIdNested ? 4 : 0) | (NAL_LENGTH_BYTES - 1);
  return box(
    'hvcC',
    u8(1),
    u8((profile.space << 6) | (profile.isHighTier ? 0x20 : 0) | profile.profileIdc),
    u32(profile.compatibility),
    profile.constraints,
    u8(profile.levelIdc),
    u16(0xf000), // min_spatial_segmentation_idc: unknown
    u8(0xfc), // parallelismType: unknown
    u8(0xfc | chromaFormatIdc),
    u8(0xf8 | (bitDepthLuma - 8)),
    u8(0xf8 | (bitDepthChroma - 8)),
    u16(0), // avgFrameRate: unspecified
    u8(layers),
    u8(3),
    completeArray(VPS_TYPE, [track.vps]),
    completeArray(SPS_TYPE, [track.sps]),
    completeArray(PPS_TYPE, track.pps),
  );
}

/** array_completeness is set: samples contain no parameter sets. */
function completeArray(nalType: number, nals: readonly Uint8Array[]): Uint8Array {
  return join([u8(0x80 | nalType), u16(nals.length), ...nals.map(withLength)]);
}

function withLength(nal: Uint8Array): Uint8Array {
  return join([u16(nal.length), nal]);
}

/** "Encapsulation of Opus in ISO Base Media File Format" §4.3.2. Both rates must be 48,000: Chromium compares them. */
export function dOps(track: OpusTrack): Uint8Array {
  const { channels, layout } = track;
  if (channels > 2 && layout?.mapping.length !== channels) {
    throw new PerchError('unsupported', `Opus with ${channels} channels, at most 2 without their layout`);
  }
  // Family 0 is mono or stereo, 1 up to eight channels in the order of Vorbis (RFC 7845 §5.1.1).
  const mapping = layout ? [1, layout.streams, layout.coupledStreams, ...layout.mapping] : [0];
  const [version, gain] = [u8(0), u16(0)];
  return box('dOps', version, u8(channels), u16(OPUS_PRE_SKIP_SAMPLES), u32(48_000), gain, mapping);
}

/** "Encapsulation of FLAC in ISO Base Media File Format" §3.3.2: one STREAMINFO block (RFC 9639 §8.2), marked as the last. */
export function dfLa(track: FlacTrack): Uint8Array {
  const rateChannelsDepth = (track.clockRate << 4) | ((track.channels - 1) << 1); // then 5 bits: depth - 1 = 15
  const streamInfo = join([
    u16(track.frameSamples),
    u16(track.frameSamples),
    u24(0), // least and greatest frame size: unknown
    u24(0),
    u24(rateChannelsDepth >>> 0),
    u8(0xf0), // low four bits of the depth, then the 36 bits of a total that is unknown
    u32(0),
    zeros(16), // no MD5
  ]);
  return fullBox('dfLa', 0, 0, [0x80, ...u24(streamInfo.length)], streamInfo);
}

/** ETSI TS 102 366 annex F.4. */
export const dac3 = (track: Ac3Track): Uint8Array => box('dac3', track.config);

/** ETSI TS 102 366 annex F.6. */
export const dec3 = (track: Eac3Track): Uint8Array => box('dec3', track.config);

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

/** "VP Codec ISO Media File Format Binding": VPCodecConfigurationBox, for VP8 and VP9. */
export function vpcC(track: Vp8Track | Vp9Track): Uint8Array {
  const { profile, bitDepth, chromaSubsampling, isFullRange } =
    track.codec === 'vp9' ? track : { profile: 0, bitDepth: 8, chromaSubsampling: CHROMA_420, isFullRange: false };
  const level = vp9Level(track.width, track.height, track.fps);
  const depthChromaRange = (bitDepth << 4) | (chromaSubsampling << 1) | (isFullRange ? 1 : 0);
  const colors = [UNSPECIFIED, UNSPECIFIED, UNSPECIFIED];
  const noInitialization = u16(0);
  return fullBox('vpcC', 1, 0, [profile, level, depthChromaRange, ...colors], noInitialization);
}

/** objectTypeIndication of ISO/IEC 14496-1 table 5, and streamType of table 6. */
const ES_TYPES = {
  mpeg4Video: [0x20, 4],
  /** Main profile, whatever the profile is: as MediaMTX. */
  mpeg2Video: [0x61, 4],
  mpeg1Video: [0x6a, 4],
  mpeg4Audio: [0x40, 5],
  jpeg: [0x6c, 4],
} as const;
const AUDIO_STREAM = 5;

/**
 * ISO/IEC 14496-14 §5.6 around the descriptors of ISO/IEC 14496-1 §7.2.6.
 * @param specificInfo DecoderSpecificInfo, if there is one
 */
export function esds(type: keyof typeof ES_TYPES | MpegAudioTrack, specificInfo: Uint8Array | undefined): Uint8Array {
  const [objectType, streamType] =
    typeof type === 'string' ? ES_TYPES[type] : [mpegAudioObjectType(type), AUDIO_STREAM];
  const streamTypeByte = (streamType << 2) | 1; // the last bit is reserved as 1
  const unknownRates = zeros(11); // bufferSizeDB, maxBitrate, avgBitrate
  const setUp = specificInfo ? descriptor(5, specificInfo) : [];
  const decoder = descriptor(4, [objectType, streamTypeByte], unknownRates, setUp);
  const syncLayer = descriptor(6, u8(2));
  return fullBox('esds', 0, 0, descriptor(3, u16(0), u8(0), decoder, syncLayer));
}

/** A length with 7 bits per byte, always four bytes, as most writers do. */
function descriptor(tag: number, ...parts: readonly Fields[]): Uint8Array {
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const length = [21, 14, 7].map((shift) => 0x80 | ((sizeBytes >> shift) & 0x7f));
  return join([u8(tag), length, u8(sizeBytes & 0x7f), ...parts]);
}
