import { randomInt } from 'node:crypto';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import {
  credentialLines,
  DISCARD_PORT,
  FEEDBACK,
  formatLines,
  type IceCredentials,
  type Outbound,
  sourceLines,
} from '../sdp/lines.ts';

const FIRST_VIDEO_TYPE = 96;

/** RFC 3551 §6 and RFC 7587: payload types of audio. */
const AUDIO: readonly RtpFormat[] = [
  format(120, 'OPUS', 48_000, 2, { minptime: '10', useinbandfec: '1', stereo: '1', 'sprop-stereo': '1' }),
  format(9, 'G722', 8_000, 1),
  format(0, 'PCMU', 8_000, 1),
  format(8, 'PCMA', 8_000, 1),
];

const h264 = (profile: string): readonly [string, Record<string, string>] => [
  'H264',
  { 'level-asymmetry-allowed': '1', 'packetization-mode': '1', 'profile-level-id': profile },
];
const VIDEO: readonly (readonly [encoding: string, fmtp: Record<string, string>])[] = [
  h264('42e034'),
  h264('4d0034'),
  h264('640034'),
  h264('420034'),
  ['H265', { 'level-id': '180', 'profile-id': '1', 'tier-flag': '0', 'tx-mode': 'SRST' }],
  ['H265', { 'level-id': '180', 'profile-id': '2', 'tier-flag': '0', 'tx-mode': 'SRST' }],
  ['AV1', { 'level-idx': '13', profile: '0', tier: '0' }],
  ['VP9', { 'profile-id': '0' }],
  ['VP9', { 'profile-id': '2' }],
  ['VP8', {}],
];

/** Each video format with its retransmissions (RFC 4588 §8.6). */
const VIDEO_FORMATS: readonly RtpFormat[] = VIDEO.flatMap(([encoding, fmtp], i) => {
  const payloadType = FIRST_VIDEO_TYPE + 2 * i;
  return [
    format(payloadType, encoding, 90_000, 1, fmtp),
    format(payloadType + 1, 'RTX', 90_000, 1, { apt: String(payloadType) }),
  ];
});

function format(
  payloadType: number,
  encoding: string,
  clockRate: number,
  channels: number,
  fmtp: Readonly<Record<string, string>> = {},
): RtpFormat {
  return { payloadType, encoding, clockRate, channels, fmtp: new Map(Object.entries(fmtp)) };
}

/** A media section of the offer. */
export interface OfferedSection {
  readonly kind: 'video' | 'audio';
  readonly direction: 'recvonly' | 'sendonly';
  /** Encoding that is offered, with its retransmissions, or undefined for all encodings of Perch. */
  readonly encoding?: string;
  /** SSRCs of a `sendonly` section. */
  readonly outbound?: Outbound;
}

interface OfferFacts {
  readonly credentials: IceCredentials;
  /** SHA-256 of our certificate, upper-case hexadecimal with colons. */
  readonly fingerprint: string;
  /** `a=candidate` values. */
  readonly candidates: readonly string[];
  readonly cname: string;
}

/** The offer of a WHEP or WHIP client: one bundled transport with all of its candidates (RFC 8829 §5.2). */
export function writeOffer(sections: readonly OfferedSection[], facts: OfferFacts): string {
  const lines = [
    'v=0',
    `o=- ${randomInt(1, 2 ** 47)} 1 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${sections.map((_, i) => i).join(' ')}`,
    'a=msid-semantic: WMS perch',
    ...sections.flatMap((section, i) => sectionLines(section, i, facts)),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

function sectionLines(
  { kind, direction, encoding, outbound }: OfferedSection,
  mid: number,
  facts: OfferFacts,
): string[] {
  const formats = formatsOf(kind, encoding);
  const video = kind === 'video' ? formats.filter((one) => one.encoding !== 'RTX') : [];
  return [
    `m=${kind} ${DISCARD_PORT} UDP/TLS/RTP/SAVPF ${formats.map(({ payloadType }) => payloadType).join(' ')}`,
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
    ...credentialLines(facts.credentials),
    `a=fingerprint:sha-256 ${facts.fingerprint}`,
    'a=setup:actpass',
    `a=mid:${mid}`,
    `a=${direction}`,
    ...(outbound ? [`a=msid:perch ${kind}`] : []),
    'a=rtcp-mux',
    'a=rtcp-rsize',
    ...formats.flatMap(formatLines),
    ...video.flatMap(({ payloadType }) => FEEDBACK.map((feedback) => `a=rtcp-fb:${payloadType} ${feedback}`)),
    ...(outbound ? sourceLines(kind, outbound, kind === 'video', facts.cname) : []),
    ...facts.candidates.map((candidate) => `a=candidate:${candidate}`),
    'a=end-of-candidates',
  ];
}

function formatsOf(kind: 'video' | 'audio', encoding: string | undefined): readonly RtpFormat[] {
  const all = kind === 'video' ? VIDEO_FORMATS : AUDIO;
  const wanted = all.filter((one) => encoding === undefined || one.encoding === encoding);
  const types = wanted.map(({ payloadType }) => String(payloadType));
  return all.filter((one) => wanted.includes(one) || types.includes(one.fmtp.get('apt') ?? ''));
}
