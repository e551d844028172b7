import type { Depacketizer, RtpFormat, UnitSink } from '../depacketizer.ts';
import { AUDIO_UNITS, UnitBuffer } from '../unit-buffer.ts';

/** A longer packet becomes several samples, so that each fits into one packet of any reader: 128 ms of 8 kHz mono. */
const MAX_SAMPLE_BYTES = 1024;
const MAX_CHANNELS = 2;

/** RFC 3551 §4.5.14: one byte per channel and sampling instant, channels taking turns. */
export class G711Depacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  readonly #channels: number;
  readonly #buffer = new UnitBuffer(AUDIO_UNITS);

  constructor(format: RtpFormat, law: 'a' | 'mu', sink: UnitSink) {
    const channels = Math.min(Math.max(format.channels, 1), MAX_CHANNELS);
    this.#channels = channels;
    this.#sink = sink;
    sink.onTrack({ kind: 'audio', codec: 'g711', law, clockRate: format.clockRate, channels });
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    // Half an instant at the end is of no use.
    const last = end - ((end - start) % this.#channels);
    let at = start;
    while (at < last) {
      const to = Math.min(at + MAX_SAMPLE_BYTES, last);
      const pts = ticks + (at - start) / this.#channels;
      if (this.#buffer.append(chunk, at, to)) {
        this.#sink.onUnit(pts, pts, true, this.#buffer.take());
      }
      at = to;
    }
  }
}
