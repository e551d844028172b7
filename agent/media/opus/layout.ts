import type { RtpFormat } from '../payload/depacketizer.ts';
import type { OpusLayout } from '../sample/track.ts';

const MIN_CHANNELS = 3;
const MAX_CHANNELS = 8;
/** RFC 7845 §5.1.1: of a channel that is silent. */
const SILENT = 255;

/** The parameters of `multiopus`; undefined: missing, or no such packets can be. */
export function parseOpusLayout({ channels, clockRate, fmtp }: RtpFormat): OpusLayout | undefined {
  const streams = numberOf(fmtp.get('num_streams'));
  const coupledStreams = numberOf(fmtp.get('coupled_streams'));
  const mapping = (fmtp.get('channel_mapping') ?? '').split(',', MAX_CHANNELS + 1).map(numberOf);
  const decoded = streams + coupledStreams;
  const isPossible =
    clockRate === 48_000 &&
    channels >= MIN_CHANNELS &&
    channels <= MAX_CHANNELS &&
    streams >= 1 &&
    streams <= channels &&
    coupledStreams <= streams &&
    mapping.length === channels &&
    mapping.every((index) => index < decoded || index === SILENT);
  return isPossible ? { streams, coupledStreams, mapping } : undefined;
}

/** As `fmtp` has them. */
export function writeOpusLayout({ streams, coupledStreams, mapping }: OpusLayout): string {
  return `channel_mapping=${mapping.join(',')}; num_streams=${streams}; coupled_streams=${coupledStreams}`;
}

/** NaN, which no comparison takes, for what is no small number. */
function numberOf(text: string | undefined): number {
  return text !== undefined && /^\s*\d{1,3}\s*$/.test(text) ? Number(text) : Number.NaN;
}
