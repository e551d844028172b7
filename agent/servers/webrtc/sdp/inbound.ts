import { createDepacketizer } from '../../../media/codecs.ts';
import type { RtpFormat, UnitSink } from '../../../media/payload/depacketizer.ts';
import { hasFeedback, type Offer, type OfferSection, reasonsOf, rtxOf, whyNothingComesIn } from './offer.ts';
import { hopeless } from './refusals.ts';

/** What a browser sends in one section: the only formats that the answer has for it, so nothing else comes. */
export interface Inbound {
  readonly section: OfferSection;
  readonly format: RtpFormat;
  /** For what was lost and is sent again; undefined: the browser has none. */
  readonly rtx: RtpFormat | undefined;
}

/** What of it is kept as long as its session. The section is as large as its sender made it. */
export interface RemoteTrack extends Pick<Inbound, 'format' | 'rtx'> {
  readonly kind: string;
  /** The sender reads which packets have not come. */
  readonly takesNack: boolean;
  /** The sender reads requests for key frames. */
  readonly takesPli: boolean;
  /** The sender reads what it may send. */
  readonly takesEstimate: boolean;
  /** The sender reads feedback that stands alone (RFC 5506); else it begins with a report. */
  readonly hasReducedSize: boolean;
}

export function remoteTrackOf({ section, format, rtx }: Inbound): RemoteTrack {
  return {
    kind: section.kind,
    format,
    rtx,
    // Answers take up NACK for pictures: a sound that comes again comes too late.
    takesNack: section.kind === 'video' && hasFeedback(section, format, 'nack'),
    takesPli: hasFeedback(section, format, 'nack pli'),
    takesEstimate: hasFeedback(section, format, 'goog-remb'),
    hasReducedSize: section.hasReducedSize,
  };
}

/** What WebRTC carries of what can be unpacked here; an AAC stream in an offer would be somebody's experiment. */
const TAKEN: Record<'video' | 'audio', readonly string[]> = {
  video: ['AV1', 'VP9', 'VP8', 'H265', 'H264'],
  audio: ['OPUS', 'MULTIOPUS', 'G722', 'PCMU', 'PCMA', 'L16'],
};

/**
 * What is taken of an offer to publish: at most one picture and one sound, of each the first format that the browser names and
 * that can be unpacked. Of a simulcast the first encoding comes alone, because the answer takes up none (RFC 8853 §5.3.2).
 * @throws PerchError with `isUnacceptable` in its context when the sections are not such that they could be published
 */
export function chooseInbound(offer: Offer): readonly Inbound[] {
  const sending = offer.sections.filter((section) => whyNothingComesIn(section) === undefined);
  const other = sending.find(({ kind }) => kind !== 'video' && kind !== 'audio');
  if (other) {
    throw unacceptable(`the offer has a section '${other.kind.slice(0, 40)}', only video and audio are taken`);
  }
  for (const kind of ['video', 'audio'] as const) {
    const count = sending.filter((section) => section.kind === kind).length;
    if (count > 1) {
      throw unacceptable(`the offer has ${count} ${kind} sections, only a single video and a single audio are taken`);
    }
  }
  if (sending.length === 0) {
    throw unacceptable(`the offer sends neither video nor audio${reasonsOf(offer, whyNothingComesIn)}`);
  }
  return sending.map(inboundOf);
}

/**
 * The sound of somebody who talks through a camera, in the codec that the camera takes.
 * @throws PerchError when the offer has no sound, or not that codec
 */
export function chooseTalk(offer: Offer, codec: 'PCMA' | 'PCMU'): Inbound {
  const section = offer.sections.find((one) => one.kind === 'audio' && whyNothingComesIn(one) === undefined);
  if (!section) {
    const sections = offer.sections.filter(({ kind }) => kind === 'audio');
    throw unacceptable(`the offer sends no audio${reasonsOf({ sections }, whyNothingComesIn)}`);
  }
  const format = section.formats.find(
    ({ encoding, clockRate, channels }) => encoding === codec && clockRate === 8_000 && channels === 1,
  );
  if (!format) {
    throw hopeless(`codecs not supported by client: the camera takes ${codec} and the offer has none of it`);
  }
  return { section, format, rtx: undefined };
}

/** What is sent back to where it comes from: sections that do both. */
export function chooseEcho(offer: Offer): readonly Inbound[] {
  const both = offer.sections.filter((section) => section.sends && section.receives);
  return chooseInbound({ ...offer, sections: both });
}

function inboundOf(section: OfferSection): Inbound {
  const kind = section.kind as 'video' | 'audio';
  const format = section.formats.find((offered) => TAKEN[kind].includes(offered.encoding) && canUnpack(offered));
  if (!format) {
    const names = [...new Set(section.formats.map(({ encoding }) => encoding))].slice(0, 12).join(', ') || 'no format';
    throw hopeless(`codecs not supported: the ${kind} of the offer has ${names}, taken are ${TAKEN[kind].join(', ')}`);
  }
  return { section, format, rtx: hasFeedback(section, format, 'nack') ? rtxOf(section, format) : undefined };
}

const NOWHERE: UnitSink = { onUnit: () => {}, onTrack: () => {}, onDamage: () => {} };

function canUnpack(format: RtpFormat): boolean {
  return createDepacketizer(format, NOWHERE) !== undefined;
}

function unacceptable(message: string): Error {
  return hopeless(message, { isUnacceptable: true });
}
