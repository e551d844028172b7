import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { AnswerSection, Outbound } from './answer.ts';
import type { Choices } from './codecs.ts';
import type { Inbound } from './inbound.ts';

/** Of an answer to somebody who watches. */
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

/** Of an answer to somebody who publishes or talks. */
export function receivingSections(inbound: readonly Inbound[]): AnswerSection[] {
  return inbound.map(({ section, format, rtx }) => ({
    section,
    direction: 'recvonly',
    format: welcome(format),
    rtx,
  }));
}

/** Of an answer to somebody who hears and sees himself. */
export function echoSections(
  inbound: readonly Inbound[],
  videoOut: Outbound | undefined,
  audioOut: Outbound | undefined,
): AnswerSection[] {
  return inbound.map(({ section, format, rtx }) => ({
    section,
    direction: 'sendrecv',
    format: welcome(format),
    rtx,
    outbound: section.kind === 'video' ? videoOut : audioOut,
  }));
}

/** Of the browser's own abilities to receive, which would bind it when they come back as ours: RFC 7741 §6.1, RFC 9628 §6. */
const LIMITS = new Set(['max-fs', 'max-fr']);

/** The parameters that the browser sent, so that it finds its format again, without limits that we do not have. */
function welcome(format: RtpFormat): RtpFormat {
  const fmtp = new Map([...format.fmtp].filter(([key]) => !LIMITS.has(key)));
  if (format.encoding === 'OPUS') {
    // RFC 7587 §6.1: browsers send one channel unless they are told that two are welcome.
    fmtp.set('stereo', '1');
  }
  return { ...format, fmtp };
}
