import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { Choices } from '../../../transports/webrtc/sdp/codecs.ts';
import type { Inbound } from '../../../transports/webrtc/sdp/inbound.ts';
import {
  credentialLines,
  DISCARD_PORT,
  FEEDBACK,
  formatLines,
  type IceCredentials,
  type Outbound,
  sourceLines,
} from '../../../transports/webrtc/sdp/lines.ts';
import { hasFeedback, type Offer, type OfferSection } from '../../../transports/webrtc/sdp/offer.ts';

/** An accepted section; offer sections that are not in the list are rejected. */
export interface AnswerSection {
  readonly section: OfferSection;
  readonly direction: 'sendonly' | 'recvonly' | 'sendrecv';
  readonly format: RtpFormat;
  /** Used for our own media only if `outbound` has an SSRC for it. */
  readonly rtx?: RtpFormat | undefined;
  readonly outbound?: Outbound | undefined;
}

interface AnswerFacts {
  readonly credentials: IceCredentials;
  /** SHA-256 of our certificate, upper-case hexadecimal with colons. */
  readonly fingerprint: string;
  /** `a=candidate` values. */
  readonly candidates: readonly string[];
  /** RFC 3550 §6.5.1: groups tracks for synchronization. */
  readonly cname: string;
  /** Differs from all earlier answers, such as Unix seconds (RFC 8866 §5.2). */
  readonly sessionId: number;
}

/**
 * Writes the answer: one bundled ICE-lite transport, DTLS passive unless the offer is, with all candidates (RFC 8829
 * §5.3). No header extensions: payload types and SSRCs identify the media.
 */
export function writeAnswer(offer: Offer, sections: readonly AnswerSection[], facts: AnswerFacts): string {
  // Without BUNDLE each section would need its own transport: only the first accepted one is used.
  const used = sections.filter((one, i) => i === 0 || isBundled(offer, sections[0] as AnswerSection, one));
  const ordered = offer.sections.flatMap((section) => used.filter((one) => one.section === section));
  const lines = [
    'v=0',
    `o=- ${facts.sessionId} 1 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    ...(offer.bundle.length > 0 ? [`a=group:BUNDLE ${ordered.map(({ section }) => section.mid).join(' ')}`] : []),
    'a=ice-lite',
    'a=msid-semantic: WMS perch',
    ...offer.sections.flatMap((section) => {
      const accepted = used.find((one) => one.section === section);
      return accepted ? acceptedSection(accepted, offer, facts) : rejectedSection(section);
    }),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** Answers an ICE restart, RFC 8840 §9: new credentials for each section in use. */
export function writeRestartFragment(
  mids: readonly string[],
  facts: Pick<AnswerFacts, 'credentials' | 'candidates'>,
): string {
  const credentials = credentialLines(facts.credentials);
  const sections = mids.flatMap((mid) => [
    `m=video ${DISCARD_PORT} UDP/TLS/RTP/SAVPF 0`,
    `a=mid:${mid}`,
    ...credentials,
    ...facts.candidates.map((candidate) => `a=candidate:${candidate}`),
    'a=end-of-candidates',
  ]);
  return `${['a=ice-options:trickle ice2', 'a=ice-lite', ...credentials, ...sections].join('\r\n')}\r\n`;
}

function isBundled(offer: Offer, first: AnswerSection, other: AnswerSection): boolean {
  return offer.bundle.includes(first.section.mid) && offer.bundle.includes(other.section.mid);
}

function rejectedSection(section: OfferSection): string[] {
  return [
    `m=${section.kind} 0 ${section.protocol} ${section.formatWords.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    'a=inactive',
    `a=mid:${section.mid}`,
  ];
}

function acceptedSection(accepted: AnswerSection, offer: Offer, facts: AnswerFacts): string[] {
  const { section, direction, format, outbound } = accepted;
  const rtx = direction === 'recvonly' || outbound?.rtxSsrc !== undefined ? accepted.rtx : undefined;
  const payloadTypes = rtx ? `${format.payloadType} ${rtx.payloadType}` : String(format.payloadType);
  return [
    `m=${section.kind} ${DISCARD_PORT} ${section.protocol} ${payloadTypes}`,
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
    ...credentialLines(facts.credentials),
    `a=fingerprint:sha-256 ${facts.fingerprint}`,
    `a=setup:${offer.setup === 'passive' ? 'active' : 'passive'}`,
    `a=mid:${section.mid}`,
    `a=${direction}`,
    ...(outbound ? [`a=msid:perch ${section.kind}`] : []),
    'a=rtcp-mux',
    // RFC 5506 §5: only if it was offered.
    ...(section.hasReducedSize ? ['a=rtcp-rsize'] : []),
    ...formatLines(format),
    ...(section.kind === 'video' ? feedbackLines(section, format) : []),
    ...(rtx ? formatLines(rtx) : []),
    ...(outbound ? sourceLines(section.kind, outbound, rtx !== undefined, facts.cname) : []),
    ...facts.candidates.map((candidate) => `a=candidate:${candidate}`),
    'a=end-of-candidates',
  ];
}

function feedbackLines(section: OfferSection, format: RtpFormat): string[] {
  return FEEDBACK.filter((feedback) => hasFeedback(section, format, feedback)).map(
    (feedback) => `a=rtcp-fb:${format.payloadType} ${feedback}`,
  );
}

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
