import { PerchError } from '../../../base/errors.ts';
import { mpegAudioObjectType } from '../../mpeg-audio/params.ts';
import {
  type AudioTrack,
  CODEC_LABEL,
  type FlacTrack,
  type H264Track,
  type H265Track,
  type OpusTrack,
  type Track,
  type VideoTrack,
} from '../../sample/track.ts';
import { box, fullBox, join, u8, u16, u24, u32, zeros } from '../box/boxes.ts';
import { esds, OBJECT_TYPE, STREAM_TYPE } from '../esds.ts';
import { av1C, vpcC } from '../open-video.ts';
import { avcPixelFormat, hevcFields } from './parameter-fields.ts';

/** RFC 7845 §4.2, at 48 kHz: what libopus looks ahead, and what a stream that does not say it most likely has. */
const OPUS_PRE_SKIP_SAMPLES = 312;
const NAL_LENGTH_BYTES = 4;

/** The entry of `stsd` that describes a track: ISO/IEC 14496-12 §8.5.2 with the box of its codec inside. */
export function sampleEntry(track: Track): Uint8Array {
  switch (track.codec) {
    case 'h264':
      return visualEntry('avc1', track, avcC(track));
    case 'h265':
      // hvc1, not hev1: parameter sets stand here and only here, which is what Apple's players ask for.
      return visualEntry('hvc1', track, hvcC(track));
    case 'av1':
      return visualEntry('av01', track, av1C(track));
    case 'vp8':
      return visualEntry('vp08', track, vpcC(track));
    case 'vp9':
      return visualEntry('vp09', track, vpcC(track));
    case 'mjpeg':
      return visualEntry('mp4v', track, esds(STREAM_TYPE.video, OBJECT_TYPE.jpeg, undefined));
    case 'mpeg4-video':
      return visualEntry('mp4v', track, esds(STREAM_TYPE.video, OBJECT_TYPE.mpeg4Video, track.config));
    case 'aac':
      return audioEntry('mp4a', track, esds(STREAM_TYPE.audio, OBJECT_TYPE.mpeg4Audio, track.config));
    case 'opus':
      return audioEntry('Opus', track, dOps(track));
    case 'flac':
      return audioEntry('fLaC', track, dfLa(track));
    case 'mpeg-audio':
      return audioEntry('mp4a', track, esds(STREAM_TYPE.audio, mpegAudioObjectType(track), undefined));
    case 'ac3':
      return audioEntry('ac-3', track, box('dac3', track.config));
    case 'g711':
      throw new PerchError('unsupported', 'G.711 is not stored in MP4: browsers refuse the whole file');
    default:
      throw new PerchError('unsupported', `${CODEC_LABEL[track.codec]} is not stored in MP4`);
  }
}

function visualEntry(type: string, track: VideoTrack, config: Uint8Array): Uint8Array {
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

function audioEntry(type: string, track: AudioTrack, config: Uint8Array): Uint8Array {
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
 * 16.16 bits hold no rate above 65,535 Hz; the codec's own box has the true one. FLAC then has the highest half, quarter … that
 * fits ("Encapsulation of FLAC in ISO Base Media File Format" §3.3.1): Firefox refuses the file for a 0.
 */
function entryRateHz(track: AudioTrack): number {
  let rateHz = track.codec === 'mpeg-audio' ? track.sampleRate : track.clockRate;
  while (track.codec === 'flac' && rateHz > 0xffff) {
    rateHz = Math.floor(rateHz / 2);
  }
  return rateHz <= 0xffff ? rateHz : 0;
}

/** ISO/IEC 14496-15 §5.3.3.1. */
function avcC(track: H264Track): Uint8Array {
  const format = avcPixelFormat(track.sps);
  const tail = format
    ? [0xfc | format.chromaFormat, 0xf8 | (format.lumaDepthBits - 8), 0xf8 | (format.chromaDepthBits - 8), 0]
    : [];
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
function hvcC(track: H265Track): Uint8Array {
  const fields = hevcFields(track.sps);
  const layers = (fields.temporalLayers << 3) | (fields.isTemporallyNested ? 4 : 0) | (NAL_LENGTH_BYTES - 1);
  return box(
    'hvcC',
    u8(1),
    fields.profileTierLevel,
    u16(0xf000), // min_spatial_segmentation_idc: unknown
    u8(0xfc), // parallelismType: unknown
    u8(0xfc | fields.chromaFormat),
    u8(0xf8 | (fields.lumaDepthBits - 8)),
    u8(0xf8 | (fields.chromaDepthBits - 8)),
    u16(0), // avgFrameRate: unspecified
    u8(layers),
    u8(3),
    completeArray(VPS_TYPE, [track.vps]),
    completeArray(SPS_TYPE, [track.sps]),
    completeArray(PPS_TYPE, track.pps),
  );
}

/** array_completeness is set: there are no parameter sets in the samples. */
function completeArray(nalType: number, nals: readonly Uint8Array[]): Uint8Array {
  return join([u8(0x80 | nalType), u16(nals.length), ...nals.map(withLength)]);
}

function withLength(nal: Uint8Array): Uint8Array {
  return join([u16(nal.length), nal]);
}

/** "Encapsulation of Opus in ISO Base Media File Format" §4.3.2. Both rates must be 48,000: Chromium compares them. */
function dOps(track: OpusTrack): Uint8Array {
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
function dfLa(track: FlacTrack): Uint8Array {
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
