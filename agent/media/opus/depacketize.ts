import type { Depacketizer, RtpFormat, UnitSink } from '../depacketizer.ts';
import type { OpusTrack } from '../track.ts';
import { AUDIO_UNITS, UnitBuffer } from '../unit-buffer.ts';
import { opusFrameTicks } from './params.ts';

/** RFC 7587: one Opus packet in each RTP packet. The rtpmap always says two channels (§7); what is really sent is in sprop-stereo. */
export class OpusDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  readonly #buffer = new UnitBuffer(AUDIO_UNITS);

  constructor(format: RtpFormat, sink: UnitSink) {
    this.#sink = sink;
    sink.onTrack(opusTrack(format));
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    // An empty payload is discontinuous transmission: nothing to play (RFC 7587 §3.1.3).
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

/** Where sprop-stereo is missing, two channels: a decoder told two plays mono right, one told one plays stereo as mono. */
function opusTrack(format: RtpFormat): OpusTrack {
  const stereo = format.fmtp.get('sprop-stereo')?.trim();
  const channels = stereo === undefined ? Math.min(Math.max(format.channels, 1), 2) : stereo === '1' ? 2 : 1;
  return { kind: 'audio', codec: 'opus', clockRate: 48_000, channels };
}
