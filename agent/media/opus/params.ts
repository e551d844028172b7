import type { RtpFormat } from '../payload/depacketizer.ts';
import type { OpusLayout } from '../sample/track.ts';

/** Frame durations in 48 kHz ticks by the configuration number of the TOC byte: RFC 6716 §3.1, table 2. */
const SILK_TICKS = [480, 960, 1920, 2880];
const HYBRID_TICKS = [480, 960];
const CELT_TICKS = [120, 240, 480, 960];
/** 120 ms, the longest packet (RFC 6716 §3.2.5, R5). */
const MAX_PACKET_TICKS = 5760;

/** Duration of all frames of a packet at 48 kHz; 0 if it is not an Opus packet. */
export function opusFrameTicks(packet: Uint8Array): number {
  if (packet.length === 0) {
    return 0;
  }
  const toc = packet[0] as number;
  const config = toc >> 3;
  const ticks = (
    config < 12 ? SILK_TICKS[config & 3] : config < 16 ? HYBRID_TICKS[config & 1] : CELT_TICKS[config & 3]
  ) as number;
  const total = ticks * frameCount(toc, packet);
  return total <= MAX_PACKET_TICKS ? total : 0;
}

/** RFC 6716 §3.2: one frame, two, or the number in the next byte. */
function frameCount(toc: number, packet: Uint8Array): number {
  const code = toc & 3;
  if (code === 3) {
    return (packet[1] ?? 0) & 0x3f;
  }
  return code === 0 ? 1 : 2;
}

const MAX_CHANNELS = 8;
/** RFC 7845 §5.1.1: a silent channel. */
const SILENT = 255;

/** Whether a decoder has an output for each of one to eight channels (RFC 7845 §5.1.1). */
export function isOpusLayout(channels: number, { streams, coupledStreams, mapping }: OpusLayout): boolean {
  const decoded = streams + coupledStreams;
  return (
    channels >= 1 &&
    channels <= MAX_CHANNELS &&
    streams >= 1 &&
    streams <= channels &&
    coupledStreams <= streams &&
    mapping.length === channels &&
    mapping.every((index) => index < decoded || index === SILENT)
  );
}

/** The parameters of `multiopus`, or undefined if missing or invalid. */
export function parseOpusLayout({ channels, clockRate, fmtp }: RtpFormat): OpusLayout | undefined {
  const streams = numberOf(fmtp.get('num_streams'));
  const coupledStreams = numberOf(fmtp.get('coupled_streams'));
  const mapping = (fmtp.get('channel_mapping') ?? '').split(',', MAX_CHANNELS + 1).map(numberOf);
  const layout = { streams, coupledStreams, mapping };
  return clockRate === 48_000 && channels > 2 && isOpusLayout(channels, layout) ? layout : undefined;
}

/** The parameters of `multiopus` as an `a=fmtp` value. */
export function writeOpusLayout({ streams, coupledStreams, mapping }: OpusLayout): string {
  return `channel_mapping=${mapping.join(',')}; num_streams=${streams}; coupled_streams=${coupledStreams}`;
}

/** NaN, which fails every comparison, for anything but a small number. */
function numberOf(text: string | undefined): number {
  return text !== undefined && /^\s*\d{1,3}\s*$/.test(text) ? Number(text) : Number.NaN;
}
