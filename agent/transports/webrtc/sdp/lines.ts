import type { RtpFormat } from '../../../media/payload/depacketizer.ts';

/** Port of unused sections, and of all sections before ICE selects one, RFC 8840 §4.1.1. */
export const DISCARD_PORT = 9;
/**
 * Supported video feedback. `transport-cc` would need a header extension that differs per viewer; `ccm fir` is
 * understood, but `nack pli` does the same.
 */
export const FEEDBACK = ['goog-remb', 'nack', 'nack pli'];

export interface Outbound {
  readonly ssrc: number;
  /** SSRC of retransmissions, or undefined if the answer has no format for them. */
  readonly rtxSsrc?: number | undefined;
}

export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

export function credentialLines(credentials: IceCredentials): string[] {
  return [`a=ice-ufrag:${credentials.ufrag}`, `a=ice-pwd:${credentials.password}`];
}

/** Registered spelling of encodings that are not in capitals. */
const SPELLING: Record<string, string> = { OPUS: 'opus', MULTIOPUS: 'multiopus', RTX: 'rtx' };

/** The rtpmap and fmtp lines of a format. A browser matches it by the parameters that it sent itself. */
export function formatLines({ payloadType, encoding, clockRate, channels, fmtp }: RtpFormat): string[] {
  const parameters = [...fmtp].map(([key, value]) => (value === key ? key : `${key}=${value}`)).join(';');
  return [
    `a=rtpmap:${payloadType} ${SPELLING[encoding] ?? encoding}/${clockRate}${channels > 1 ? `/${channels}` : ''}`,
    ...(parameters === '' ? [] : [`a=fmtp:${payloadType} ${parameters}`]),
  ];
}

/** RFC 5576 §4: groups a repair source with its original. */
export function sourceLines(kind: string, { ssrc, rtxSsrc }: Outbound, hasRtx: boolean, cname: string): string[] {
  const sources = hasRtx && rtxSsrc !== undefined ? [ssrc, rtxSsrc] : [ssrc];
  return [
    ...(sources.length > 1 ? [`a=ssrc-group:FID ${sources.join(' ')}`] : []),
    ...sources.flatMap((source) => [`a=ssrc:${source} cname:${cname}`, `a=ssrc:${source} msid:perch ${kind}`]),
  ];
}
