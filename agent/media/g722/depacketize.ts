import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { SampleBasedDepacketizer } from '../payload/sample-based.ts';

/** RFC 3551 §4.5.2: by an old mistake the RTP clock is 8,000 although 16,000 instants are sampled in a second. */
const CLOCK_HZ = 8_000;
const SAMPLE_RATE_HZ = 16_000;
const MAX_CHANNELS = 2;

/** One byte holds two sampling instants of a channel. Some senders count the RTP clock by the true rate and say so; undefined: any other clock. */
export function createG722Depacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  if (format.clockRate !== CLOCK_HZ && format.clockRate !== SAMPLE_RATE_HZ) {
    return undefined;
  }
  const channels = Math.min(Math.max(format.channels, 1), MAX_CHANNELS);
  sink.onTrack({ kind: 'audio', codec: 'g722', clockRate: CLOCK_HZ, channels });
  return new SampleBasedDepacketizer({ bytes: channels, ticks: format.clockRate / CLOCK_HZ }, sink);
}
