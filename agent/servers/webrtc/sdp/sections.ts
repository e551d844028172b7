import type { RtpFormat } from '../../../media/depacketizer.ts';
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
    format: withStereo(format),
    rtx,
  }));
}

/** Of an answer to somebody who hears and sees himself; `outbound` in the order of `inbound`. */
export function echoSections(
  inbound: readonly Inbound[],
  outbound: readonly (Outbound | undefined)[],
): AnswerSection[] {
  return inbound.map(({ section, format, rtx }, i) => ({
    section,
    direction: 'sendrecv',
    format: withStereo(format),
    rtx,
    outbound: outbound[i],
  }));
}

/** RFC 7587 §6.1: browsers send Opus with one channel unless they are told that two are welcome. */
function withStereo(format: RtpFormat): RtpFormat {
  return format.encoding === 'OPUS' ? { ...format, fmtp: new Map([...format.fmtp, ['stereo', '1']]) } : format;
}
