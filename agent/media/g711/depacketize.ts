import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { SampleBasedDepacketizer } from '../payload/sample-based.ts';

const MIN_RATE_HZ = 4_000;
const MAX_RATE_HZ = 48_000;
const MAX_CHANNELS = 2;

/** RFC 3551 §4.5.14: one byte per channel and sampling instant, channels interleaved. Undefined: an impossible rate. */
export function createG711Depacketizer(format: RtpFormat, law: 'a' | 'mu', sink: UnitSink): Depacketizer | undefined {
  const { clockRate } = format;
  if (clockRate < MIN_RATE_HZ || clockRate > MAX_RATE_HZ) {
    return undefined;
  }
  const channels = Math.min(Math.max(format.channels, 1), MAX_CHANNELS);
  sink.onTrack({ kind: 'audio', codec: 'g711', law, clockRate, channels });
  return new SampleBasedDepacketizer({ bytes: channels, ticks: 1 }, sink);
}
