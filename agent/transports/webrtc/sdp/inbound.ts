import { createDepacketizer } from '../../../media/codecs.ts';
import type { RtpFormat, UnitSink } from '../../../media/payload/depacketizer.ts';
import { cannotSendReason, hasFeedback, type Offer, type OfferSection, reasonsOf, rtxOf } from './offer.ts';
import { offerError } from './rejections.ts';

/** A section's accepted formats; the browser sends nothing else. */
export interface Inbound {
  readonly section: OfferSection;
  readonly format: RtpFormat;
  /** Format of retransmissions, or undefined if the browser does not support them. */
  readonly rtx: RtpFormat | undefined;
}

/** The part of a section that lives as long as the session; the section itself may be large. */
export interface RemoteTrack extends Pick<Inbound, 'format' | 'rtx'> {
  readonly kind: string;
  readonly takesNack: boolean;
  readonly takesPli: boolean;
  /** Whether the sender supports REMB. */
  readonly takesEstimate: boolean;
  /** Whether feedback may be sent without a report (RFC 5506). */
  readonly hasReducedSize: boolean;
}

export function remoteTrackOf({ section, format, rtx }: Inbound): RemoteTrack {
  return {
    kind: section.kind,
    format,
    rtx,
    // Only for video: retransmitted audio arrives too late.
    takesNack: section.kind === 'video' && hasFeedback(section, format, 'nack'),
    takesPli: hasFeedback(section, format, 'nack pli'),
    takesEstimate: hasFeedback(section, format, 'goog-remb'),
    hasReducedSize: section.hasReducedSize,
  };
}

/** The formats of WebRTC that have a depacketizer here. */
const TAKEN: Record<'video' | 'audio', readonly string[]> = {
  video: ['AV1', 'VP9', 'VP8', 'H265', 'H264'],
  audio: ['OPUS', 'MULTIOPUS', 'G722', 'PCMU', 'PCMA', 'L16'],
};

/**
 * Accepts at most one video and one audio section, each with the first supported format. Of a simulcast only the first
 * encoding arrives, since the answer accepts none (RFC 8853 §5.3.2).
 * @throws PerchError with `isUnacceptable` in its context if the sections cannot be published
 */
export function chooseInbound(offer: Offer): readonly Inbound[] {
  const sending = offer.sections.filter((section) => cannotSendReason(section) === undefined);
  const other = sending.find(({ kind }) => kind !== 'video' && kind !== 'audio');
  if (other) {
    throw unacceptable(`the offer has a section '${other.kind.slice(0, 40)}', only video and audio are allowed`);
  }
  for (const kind of ['video', 'audio'] as const) {
    const count = sending.filter((section) => section.kind === kind).length;
    if (count > 1) {
      throw unacceptable(`the offer has ${count} ${kind} sections, only a single video and a single audio are allowed`);
    }
  }
  if (sending.length === 0) {
    throw unacceptable(`the offer sends neither video nor audio${reasonsOf(offer, cannotSendReason)}`);
  }
  return sending.map(inboundOf);
}

/**
 * A talker's audio in the camera's codec.
 * @throws PerchError if the offer has no audio, or not in that codec
 */
export function chooseTalk(offer: Offer, codec: 'PCMA' | 'PCMU'): Inbound {
  const section = offer.sections.find((one) => one.kind === 'audio' && cannotSendReason(one) === undefined);
  if (!section) {
    const sections = offer.sections.filter(({ kind }) => kind === 'audio');
    throw unacceptable(`the offer sends no audio${reasonsOf({ sections }, cannotSendReason)}`);
  }
  const format = section.formats.find(
    ({ encoding, clockRate, channels }) => encoding === codec && clockRate === 8_000 && channels === 1,
  );
  if (!format) {
    throw offerError(`codecs not supported by client: the camera takes ${codec} and the offer has none of it`);
  }
  return { section, format, rtx: undefined };
}

/** Sections that both send and receive. */
export function chooseEcho(offer: Offer): readonly Inbound[] {
  const both = offer.sections.filter((section) => section.sends && section.receives);
  return chooseInbound({ ...offer, sections: both });
}

/** @throws PerchError if none of its formats is supported */
export function inboundOf(section: OfferSection): Inbound {
  const kind = section.kind as 'video' | 'audio';
  const format = section.formats.find((offered) => TAKEN[kind].includes(offered.encoding) && canUnpack(offered));
  if (!format) {
    const names = [...new Set(section.formats.map(({ encoding }) => encoding))].slice(0, 12).join(', ') || 'no format';
    throw offerError(
      `codecs not supported: the ${kind} of the offer has ${names}, taken are ${TAKEN[kind].join(', ')}`,
    );
  }
  return { section, format, rtx: hasFeedback(section, format, 'nack') ? rtxOf(section, format) : undefined };
}

const NOWHERE: UnitSink = { onUnit: () => {}, onTrack: () => {}, onDamage: () => {} };

function canUnpack(format: RtpFormat): boolean {
  return createDepacketizer(format, NOWHERE) !== undefined;
}

function unacceptable(message: string): Error {
  return offerError(message, { isUnacceptable: true });
}
