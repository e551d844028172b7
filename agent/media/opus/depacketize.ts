import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../sample/sample-buffer.ts';
import type { OpusTrack } from '../sample/track.ts';
import { opusFrameTicks, parseOpusLayout } from './params.ts';

const CLOCK_RATE_HZ = 48_000;

export function createOpusDepacketizer(format: RtpFormat, sink: UnitSink): Depacketizer {
  return new OpusDepacketizer(stereoTrack(format), sink);
}

/** `multiopus` of browsers, three to eight channels; not in any RFC. Undefined: parameters are missing or invalid. */
export function createMultiopusDepacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  const layout = parseOpusLayout(format);
  const { channels } = format;
  return (
    layout && new OpusDepacketizer({ kind: 'audio', codec: 'opus', clockRate: CLOCK_RATE_HZ, channels, layout }, sink)
  );
}

/** RFC 7587: one Opus packet in each RTP packet; multistream packets begin like others. */
class OpusDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);

  constructor(track: OpusTrack, sink: UnitSink) {
    this.#sink = sink;
    sink.onTrack(track);
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    // An empty payload is discontinuous transmission (RFC 7587 §3.1.3).
    if (start >= end || !this.#buffer.append(chunk, start, end)) {
      return;
    }
    const packet = this.#buffer.take();
    if (opusFrameTicks(packet) === 0) {
      this.#sink.onDamage(`Opus packet of ${packet.length} bytes has no valid frame duration`);
      return;
    }
    this.#sink.onUnit(ticks, ticks, true, packet);
  }
}

/**
 * The rtpmap always has two channels (RFC 7587 §7); sprop-stereo has the actual number. Without it, two are assumed: a stereo decoder
 * plays mono correctly, a mono decoder plays stereo as mono.
 */
function stereoTrack(format: RtpFormat): OpusTrack {
  const stereo = format.fmtp.get('sprop-stereo')?.trim();
  const channels = stereo === undefined ? Math.min(Math.max(format.channels, 1), 2) : stereo === '1' ? 2 : 1;
  return { kind: 'audio', codec: 'opus', clockRate: CLOCK_RATE_HZ, channels };
}
