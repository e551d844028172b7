import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { SampleBasedDepacketizer } from '../payload/sample-based.ts';

/** L8, L16 (RFC 3551 §4.5.10, §4.5.11) and L24 (RFC 3190 §4). Undefined: an impossible rate or channel count. */
export function createLpcmDepacketizer(
  format: RtpFormat,
  bitDepth: 8 | 16 | 24,
  sink: UnitSink,
): Depacketizer | undefined {
  const { clockRate } = format;
  const channels = Math.max(format.channels, 1);
  if (clockRate < 4_000 || clockRate > 192_000 || channels > 8) {
    return undefined;
  }
  sink.onTrack({ kind: 'audio', codec: 'lpcm', clockRate, bitDepth, channels });
  return new SampleBasedDepacketizer({ bytes: (bitDepth / 8) * channels, ticks: 1 }, sink);
}
