import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { Choices } from '../../../transports/webrtc/sdp/codecs.ts';
import type { Inbound } from '../../../transports/webrtc/sdp/inbound.ts';
import type { Outbound } from '../../../transports/webrtc/sdp/lines.ts';
import type { AnswerSection } from './answer.ts';

export function sendingSections(
  { video, audio }: Choices,
  videoOut: Outbound | undefined,
  audioOut: Outbound | undefined,
): AnswerSection[] {
  return [
    ...(video && videoOut ? [{ ...video, direction: 'sendonly', outbound: videoOut } as const] : []),
    ...(audio && audioOut ? [{ ...audio, direction: 'sendonly', outbound: audioOut } as const] : []),
  ];
}

/** The answer's sections for media that the peer sends. @param echo SSRCs for sending the media back; absent: nothing is sent */
export function receivingSections(
  inbound: readonly Inbound[],
  echo?: { readonly video: Outbound | undefined; readonly audio: Outbound | undefined },
): AnswerSection[] {
  return inbound.map(({ section, format, rtx }) => ({
    section,
    direction: echo ? 'sendrecv' : 'recvonly',
    format: welcome(format),
    rtx,
    outbound: section.kind === 'video' ? echo?.video : echo?.audio,
  }));
}

/**
 * Limits of the browser's own receiver, which would apply to it when they come back as ours: RFC 7741 §6.1, RFC 9628
 * §6.
 */
const LIMITS = new Set(['max-fs', 'max-fr']);

/** The browser's own parameters, so that it matches the format, without its receiver limits. */
function welcome(format: RtpFormat): RtpFormat {
  const fmtp = new Map([...format.fmtp].filter(([key]) => !LIMITS.has(key)));
  if (format.encoding === 'OPUS') {
    // RFC 7587 §6.1: browsers send mono unless stereo is requested.
    fmtp.set('stereo', '1');
  }
  return { ...format, fmtp };
}
