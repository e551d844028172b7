import { randomInt } from 'node:crypto';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { OutboundTrack } from '../srtp/srtp.ts';

/** Room below the first packet index: whoever looks back over the whole history never meets a negative one. */
const HISTORY_PACKETS = 4_096;

/** Pictures on their way to a viewer, and what it is sent again of them. */
export interface OutboundVideo extends OutboundTrack {
  /** Undefined: the viewer knows no format for retransmissions. */
  readonly rtx: OutboundTrack | undefined;
  readonly rtxSsrc: number | undefined;
}

export function outboundTrack({ payloadType }: RtpFormat): OutboundTrack {
  return {
    ssrc: randomInt(1, 2 ** 32),
    payloadType,
    timestampOffset: randomInt(0, 2 ** 32),
    packetIndex: randomInt(0, 2 ** 15) + HISTORY_PACKETS,
    packets: 0,
    octets: 0,
  };
}

export function outboundVideo(format: RtpFormat, rtxFormat: RtpFormat | undefined): OutboundVideo {
  const rtx = rtxFormat && outboundTrack(rtxFormat);
  return { ...outboundTrack(format), rtx, rtxSsrc: rtx?.ssrc };
}
