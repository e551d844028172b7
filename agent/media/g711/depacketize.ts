import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { SampleBasedDepacketizer } from '../payload/sample-based.ts';

/** RFC 3551 §4.5.14: one byte per channel and sampling instant, channels interleaved. Undefined: an impossible rate. */
export function createG711Depacketizer(format: RtpFormat, law: 'a' | 'mu', sink: UnitSink): Depacketizer | undefined {
  const { clockRate } = format;
  if (clockRate < 4_000 || clockRate > 48_000) {
    return undefined;
  }
  const channels = Math.min(Math.max(format.channels, 1), 2);
  sink.onTrack({ kind: 'audio', codec: 'g711', law, clockRate, channels });
  return new SampleBasedDepacketizer({ bytes: channels, ticks: 1 }, sink);
}
