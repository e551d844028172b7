import type { RtpFormat } from '../../../media/depacketizer.ts';
import type { IceCredentials } from '../transport/ice-lite.ts';
import type { Choice, Choices } from './codecs.ts';
import type { Offer, OfferSection } from './offer.ts';

/** What an answer says about our side. */
export interface AnswerFacts {
  readonly credentials: IceCredentials;
  /** SHA-256 of our certificate, upper-case hexadecimal with colons. */
  readonly fingerprint: string;
  /** `a=candidate` values. */
  readonly candidates: readonly string[];
  readonly videoSsrc: number;
  readonly audioSsrc: number;
  /** RTCP's canonical name: what shares it is played in step (RFC 3550 §6.5.1). */
  readonly cname: string;
  /** Unix seconds or any other number that no earlier answer had (RFC 8866 §5.2). */
  readonly sessionId: number;
}

/** The port of unused sections and before ICE has found one, RFC 8840 §4.1.1. */
const DISCARD_PORT = 9;

/** Writes the answer: one bundled ICE-lite transport, DTLS passive, all candidates in it at once (RFC 8829 §5.3). */
export function writeAnswer(offer: Offer, choices: Choices, facts: AnswerFacts): string {
  // Without BUNDLE each section would need its own transport: the first that matters is the one that is used.
  const chosen = [choices.video, choices.audio].filter((choice) => choice !== undefined);
  const used = chosen.filter((choice, i) => i === 0 || isBundled(offer, chosen[0] as Choice, choice));
  const ordered = offer.sections.flatMap((section) => used.filter((choice) => choice.section === section));
  const lines = [
    'v=0',
    `o=- ${facts.sessionId} 1 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    ...(offer.bundle.length > 0 ? [`a=group:BUNDLE ${ordered.map((choice) => choice.section.mid).join(' ')}`] : []),
    'a=ice-lite',
    'a=msid-semantic: WMS perch',
    ...offer.sections.flatMap((section) => {
      const choice = used.find((other) => other.section === section);
      return choice ? acceptedSection(choice, choices, facts) : refusedSection(section);
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

function isBundled(offer: Offer, first: Choice, other: Choice): boolean {
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

function acceptedSection(choice: Choice, choices: Choices, facts: AnswerFacts): string[] {
  const { section, format } = choice;
  const isVideo = choice === choices.video;
  const ssrc = isVideo ? facts.videoSsrc : facts.audioSsrc;
  const channels = format.channels > 1 ? `/${format.channels}` : '';
  const name = format.encoding === 'OPUS' ? 'opus' : format.encoding;
  const fmtp = fmtpOf(format);
  return [
    `m=${section.kind} ${DISCARD_PORT} ${section.protocol} ${format.payloadType}`,
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
    ...credentialLines(facts.credentials),
    `a=fingerprint:sha-256 ${facts.fingerprint}`,
    'a=setup:passive',
    `a=mid:${section.mid}`,
    'a=sendonly',
    `a=msid:perch ${isVideo ? 'video' : 'audio'}`,
    'a=rtcp-mux',
    'a=rtcp-rsize',
    `a=rtpmap:${format.payloadType} ${name}/${format.clockRate}${channels}`,
    ...(fmtp === '' ? [] : [`a=fmtp:${format.payloadType} ${fmtp}`]),
    ...(isVideo && wantsPli(section, format) ? [`a=rtcp-fb:${format.payloadType} nack pli`] : []),
    `a=ssrc:${ssrc} cname:${facts.cname}`,
    `a=ssrc:${ssrc} msid:perch ${isVideo ? 'video' : 'audio'}`,
    ...facts.candidates.map((candidate) => `a=candidate:${candidate}`),
    'a=end-of-candidates',
  ];
}

function credentialLines(credentials: IceCredentials): string[] {
  return [`a=ice-ufrag:${credentials.ufrag}`, `a=ice-pwd:${credentials.password}`];
}

/** A browser finds the format again by the parameters that it sent. */
function fmtpOf(format: RtpFormat): string {
  return [...format.fmtp].map(([key, value]) => (value === key ? key : `${key}=${value}`)).join(';');
}

function wantsPli(section: OfferSection, format: RtpFormat): boolean {
  return section.feedback.has(`${format.payloadType} nack pli`) || section.feedback.has('* nack pli');
}
