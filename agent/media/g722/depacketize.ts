import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { SampleBasedDepacketizer } from '../payload/sample-based.ts';

/** RFC 3551 §4.5.2: the RTP clock is 8,000 Hz although the sampling rate is 16,000 Hz, a historical error. */
const CLOCK_HZ = 8_000;
const SAMPLE_RATE_HZ = 16_000;

/**
 * One byte holds two sampling instants of a channel. Some senders signal and use the true rate as RTP clock.
 * @returns undefined for any other clock
 */
export function createG722Depacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  if (format.clockRate !== CLOCK_HZ && format.clockRate !== SAMPLE_RATE_HZ) {
    return undefined;
  }
  const channels = Math.min(Math.max(format.channels, 1), 2);
  sink.onTrack({ kind: 'audio', codec: 'g722', clockRate: CLOCK_HZ, channels });
  return new SampleBasedDepacketizer({ bytes: channels, ticks: format.clockRate / CLOCK_HZ }, sink);
}
