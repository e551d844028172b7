import { auHeaderFormat } from '../aac/format.ts';
import { createDepacketizer } from '../codecs.ts';
import type { RtpFormat, UnitSink } from '../payload/depacketizer.ts';

const NO_SINK: UnitSink = { onUnit: () => {}, onTrack: () => {}, onDamage: () => {} };

/** Limit of the formats that a message lists. */
const MAX_LISTED = 10;

/** The formats of an offer, for a message. */
export function describeOffer(formats: readonly RtpFormat[]): string {
  const listed = formats.slice(0, MAX_LISTED).map(describeFormat).join(', ');
  const more = formats.length - MAX_LISTED;
  return more > 0 ? `${listed} and ${more} more` : listed || 'nothing';
}

/** A format in a message: its encoding and, if that is supported in another form, the unsupported parameter. */
export function describeFormat(format: RtpFormat): string {
  const reason = createDepacketizer(format, NO_SINK) ? undefined : reasonAgainst(format);
  return reason === undefined ? format.encoding : `${format.encoding} (${reason})`;
}

function reasonAgainst(format: RtpFormat): string | undefined {
  const { encoding, clockRate, channels } = format;
  switch (encoding) {
    case 'H264':
      return `NAL units out of order, ${parameter(format, 'packetization-mode')}`;
    case 'H265':
      return `NAL units out of order, ${parameter(format, 'sprop-max-don-diff')}`;
    case 'MPEG4-GENERIC':
      return auHeaderFormat(format)
        ? `no AAC by its configuration, ${parameter(format, 'config')}`
        : 'AU headers that are not those of AAC-hbr or AAC-lbr';
    case 'MP4A-LATM':
      return `no AAC by its configuration, ${parameter(format, 'config')}`;
    case 'PCMA':
    case 'PCMU':
    case 'G722':
    case 'L8':
    case 'L16':
    case 'L24':
    case 'MPA':
    case 'AC3':
    case 'EAC3':
    case 'MP2T':
      return `with ${clockRate} Hz and ${channels === 1 ? 'one channel' : `${channels} channels`}`;
    default:
      return undefined;
  }
}

function parameter(format: RtpFormat, name: string): string {
  const value = format.fmtp.get(name);
  // The value is text from outside.
  return value === undefined ? `without ${name}` : `${name}=${value.slice(0, 40)}`;
}
