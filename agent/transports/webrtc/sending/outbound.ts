import { randomInt } from 'node:crypto';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { Outbound } from '../sdp/lines.ts';
import type { OutboundTrack } from '../srtp/srtp.ts';

/** Keeps looking back over the whole history free of negative indexes. */
const HISTORY_PACKETS = 4_096;

export interface OutboundVideo extends OutboundTrack {
  /** The track of retransmissions, or undefined if the viewer supports no retransmission format. */
  readonly rtx: OutboundTrack | undefined;
  readonly rtxSsrc: number | undefined;
}

export const randomSsrc = (): number => randomInt(1, 2 ** 32);

export function outboundTrack({ payloadType }: RtpFormat, ssrc = randomSsrc()): OutboundTrack {
  return {
    ssrc,
    payloadType,
    timestampOffset: randomInt(0, 2 ** 32),
    packetIndex: randomInt(0, 2 ** 15) + HISTORY_PACKETS,
    packets: 0,
    octets: 0,
  };
}

export function outboundVideo(
  format: RtpFormat,
  rtxFormat: RtpFormat | undefined,
  { ssrc, rtxSsrc }: Partial<Outbound> = {},
): OutboundVideo {
  const rtx = rtxFormat && outboundTrack(rtxFormat, rtxSsrc);
  return { ...outboundTrack(format, ssrc), rtx, rtxSsrc: rtx?.ssrc };
}
