import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { IceCredentials } from '../transport/ice-lite.ts';
import { hasFeedback, type Offer, type OfferSection } from './offer.ts';

/** What we send in a section. */
export interface Outbound {
  readonly ssrc: number;
  /** Of retransmissions; undefined: they are not offered, and no format for them stands in the answer. */
  readonly rtxSsrc?: number | undefined;
}

/** A section that is taken up; those that are not in the list are refused. */
export interface AnswerSection {
  readonly section: OfferSection;
  /** Seen from our side. */
  readonly direction: 'sendonly' | 'recvonly' | 'sendrecv';
  readonly format: RtpFormat;
  /** Where both sides know it; what we send is told to be retransmitted with it only if `outbound` has an SSRC for it. */
  readonly rtx?: RtpFormat | undefined;
  /** With `sendonly` and `sendrecv`. */
  readonly outbound?: Outbound | undefined;
}

/** What an answer says about our side. */
export interface AnswerFacts {
  readonly credentials: IceCredentials;
  /** SHA-256 of our certificate, upper-case hexadecimal with colons. */
  readonly fingerprint: string;
  /** `a=candidate` values. */
  readonly candidates: readonly string[];
  /** RTCP's canonical name: what shares it is played in step (RFC 3550 §6.5.1). */
  readonly cname: string;
  /** Unix seconds or any other number that no earlier answer had (RFC 8866 §5.2). */
  readonly sessionId: number;
}

/** The port of unused sections and before ICE has found one, RFC 8840 §4.1.1. */
const DISCARD_PORT = 9;
/**
 * What we say and understand about pictures, where the offer has it. `transport-cc` would need an extension in every packet that
 * differs from viewer to viewer; `ccm fir` is understood, but `nack pli` says the same in less.
 */
const FEEDBACK = ['goog-remb', 'nack', 'nack pli'];

/**
 * Writes the answer: one bundled ICE-lite transport, DTLS passive unless the offer is, all candidates in it at once (RFC 8829 §5.3). No header
 * extensions: payload types and the SSRCs that stand in it tell the media apart.
 */
export function writeAnswer(offer: Offer, sections: readonly AnswerSection[], facts: AnswerFacts): string {
  // Without BUNDLE each section would need its own transport: the first that matters is the one that is used.
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
      const taken = used.find((one) => one.section === section);
      return taken ? takenSection(taken, offer, facts) : refusedSection(section);
    }),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** Answer to an ICE restart, RFC 8840 §9: new credentials for each section that is in use. */
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

function refusedSection(section: OfferSection): string[] {
  return [
    `m=${section.kind} 0 ${section.protocol} ${section.formatWords.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    'a=inactive',
    `a=mid:${section.mid}`,
  ];
}

function takenSection(taken: AnswerSection, offer: Offer, facts: AnswerFacts): string[] {
  const { section, direction, format, outbound } = taken;
  const rtx = direction === 'recvonly' || outbound?.rtxSsrc !== undefined ? taken.rtx : undefined;
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
    // RFC 5506 §5: only where it was offered.
    ...(section.hasReducedSize ? ['a=rtcp-rsize'] : []),
    ...formatLines(format),
    ...(section.kind === 'video' ? feedbackLines(section, format) : []),
    ...(rtx ? formatLines(rtx) : []),
    ...(outbound ? sourceLines(section.kind, outbound, rtx !== undefined, facts.cname) : []),
    ...facts.candidates.map((candidate) => `a=candidate:${candidate}`),
    'a=end-of-candidates',
  ];
}

function credentialLines(credentials: IceCredentials): string[] {
  return [`a=ice-ufrag:${credentials.ufrag}`, `a=ice-pwd:${credentials.password}`];
}

/** Names as their registrations spell them, where that is not in capitals. */
const SPELLING: Record<string, string> = { OPUS: 'opus', MULTIOPUS: 'multiopus', RTX: 'rtx' };

/** A browser finds the format again by the parameters that it sent. */
function formatLines({ payloadType, encoding, clockRate, channels, fmtp }: RtpFormat): string[] {
  const parameters = [...fmtp].map(([key, value]) => (value === key ? key : `${key}=${value}`)).join(';');
  return [
    `a=rtpmap:${payloadType} ${SPELLING[encoding] ?? encoding}/${clockRate}${channels > 1 ? `/${channels}` : ''}`,
    ...(parameters === '' ? [] : [`a=fmtp:${payloadType} ${parameters}`]),
  ];
}

function feedbackLines(section: OfferSection, format: RtpFormat): string[] {
  return FEEDBACK.filter((feedback) => hasFeedback(section, format, feedback)).map(
    (feedback) => `a=rtcp-fb:${format.payloadType} ${feedback}`,
  );
}

/** RFC 5576 §4: a repair source is grouped with the one that it repairs, and belongs to the same track. */
function sourceLines(kind: string, { ssrc, rtxSsrc }: Outbound, hasRtx: boolean, cname: string): string[] {
  const sources = hasRtx && rtxSsrc !== undefined ? [ssrc, rtxSsrc] : [ssrc];
  return [
    ...(sources.length > 1 ? [`a=ssrc-group:FID ${sources.join(' ')}`] : []),
    ...sources.flatMap((source) => [`a=ssrc:${source} cname:${cname}`, `a=ssrc:${source} msid:perch ${kind}`]),
  ];
}
