import { createAacDepacketizer } from './aac/depacketize.ts';
import type { Depacketizer, RtpFormat, UnitSink } from './depacketizer.ts';
import { G711Depacketizer } from './g711/depacketize.ts';
import { H264Depacketizer } from './h264/depacketize.ts';
import { H265Depacketizer } from './h265/depacketize.ts';
import { OpusDepacketizer } from './opus/depacketize.ts';

const MIN_G711_RATE_HZ = 4_000;
const MAX_G711_RATE_HZ = 48_000;

/**
 * The depacketizer for an RTP format, or undefined: the codec, or the way it is packed, is not supported.
 * `sink.onTrack` is called at once where the SDP says enough; with H.264 and H.265 it may come with the first key unit.
 */
export function createDepacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  switch (format.encoding) {
    case 'H264':
      // Mode 2 sends NAL units out of order, with decoding order numbers (RFC 6184 §6.4).
      return format.fmtp.get('packetization-mode')?.trim() === '2' ? undefined : new H264Depacketizer(format, sink);
    case 'H265':
      return Number(format.fmtp.get('sprop-max-don-diff') ?? 0) > 0 ? undefined : new H265Depacketizer(format, sink);
    case 'MPEG4-GENERIC':
      return createAacDepacketizer(format, sink);
    case 'OPUS':
      return new OpusDepacketizer(format, sink);
    case 'PCMA':
    case 'PCMU': {
      const isRate = format.clockRate >= MIN_G711_RATE_HZ && format.clockRate <= MAX_G711_RATE_HZ;
      return isRate ? new G711Depacketizer(format, format.encoding === 'PCMA' ? 'a' : 'mu', sink) : undefined;
    }
    default:
      return undefined;
  }
}
