import { createAacDepacketizer } from './aac/depacketize.ts';
import { createLatmDepacketizer } from './aac/latm.ts';
import { createAc3Depacketizer } from './ac3/depacketize.ts';
import { Av1Depacketizer } from './av1/depacketize.ts';
import { createG711Depacketizer } from './g711/depacketize.ts';
import { createG722Depacketizer } from './g722/depacketize.ts';
import { H264Depacketizer } from './h264/depacketize.ts';
import { H265Depacketizer } from './h265/depacketize.ts';
import { createLpcmDepacketizer } from './lpcm/depacketize.ts';
import { MjpegDepacketizer } from './mjpeg/depacketize.ts';
import { createMpegAudioDepacketizer } from './mpeg-audio/depacketize.ts';
import { Mpeg4VideoDepacketizer } from './mpeg4-video/depacketize.ts';
import { createMpegTsDepacketizer } from './mpegts/depacketize.ts';
import { createMultiopusDepacketizer, createOpusDepacketizer } from './opus/depacketize.ts';
import type { Depacketizer, RtpFormat, SenderTraits, UnitSink } from './payload/depacketizer.ts';
import { Vp8Depacketizer } from './vp8/depacketize.ts';
import { Vp9Depacketizer } from './vp9/depacketize.ts';

/**
 * The depacketizer for an RTP format, or undefined: the codec, or the way it is packed, is not supported.
 * `sink.onTrack` is called at once where the SDP says enough; with pictures it may come with the first key unit.
 */
export function createDepacketizer(
  format: RtpFormat,
  sink: UnitSink,
  traits: SenderTraits = {},
): Depacketizer | undefined {
  switch (format.encoding) {
    case 'H264':
      // Mode 2 sends NAL units out of order, with decoding order numbers (RFC 6184 §6.4).
      return format.fmtp.get('packetization-mode')?.trim() === '2'
        ? undefined
        : new H264Depacketizer(format, sink, traits);
    case 'H265':
      return Number(format.fmtp.get('sprop-max-don-diff') ?? 0) > 0
        ? undefined
        : new H265Depacketizer(format, sink, traits);
    case 'AV1':
      return new Av1Depacketizer(sink);
    case 'VP8':
      return new Vp8Depacketizer(sink);
    case 'VP9':
      return new Vp9Depacketizer(sink);
    case 'JPEG':
      return new MjpegDepacketizer(format, sink);
    case 'MP4V-ES':
      return new Mpeg4VideoDepacketizer(format, sink);
    case 'MPEG4-GENERIC':
      return createAacDepacketizer(format, sink);
    case 'MP4A-LATM':
      return createLatmDepacketizer(format, sink);
    case 'OPUS':
      return createOpusDepacketizer(format, sink);
    case 'MULTIOPUS':
      return createMultiopusDepacketizer(format, sink);
    case 'PCMA':
      return createG711Depacketizer(format, 'a', sink);
    case 'PCMU':
      return createG711Depacketizer(format, 'mu', sink);
    case 'G722':
      return createG722Depacketizer(format, sink);
    case 'L8':
      return createLpcmDepacketizer(format, 8, sink);
    case 'L16':
      return createLpcmDepacketizer(format, 16, sink);
    case 'L24':
      return createLpcmDepacketizer(format, 24, sink);
    case 'MPA':
      return createMpegAudioDepacketizer(format, sink);
    case 'AC3':
      return createAc3Depacketizer(format, sink);
    case 'MP2T':
      return createMpegTsDepacketizer(format, sink);
    default:
      return undefined;
  }
}
