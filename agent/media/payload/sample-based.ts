import { AUDIO_SAMPLES, SampleBuffer } from '../sample/sample-buffer.ts';
import type { Depacketizer, UnitSink } from './depacketizer.ts';
import type { PayloadSink } from './packetizer.ts';

/** A longer packet is split into samples that fit into one packet of any reader: 128 ms of 8 kHz G.711, 5 ms of 48 kHz stereo. */
const MAX_SAMPLE_BYTES = 1024;

/** Layout of audio without frames: sampling instants in order, channels interleaved. */
interface InstantFormat {
  /** Bytes of one sampling instant, all channels. */
  readonly bytes: number;
  /** RTP ticks per instant. */
  readonly ticks: number;
}

/** Sample-based encodings, RFC 3551 §4.3: a packet holds any whole number of instants, so a lost packet is a gap only. */
export class SampleBasedDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  readonly #instant: InstantFormat;
  readonly #limitBytes: number;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);

  constructor(instant: InstantFormat, sink: UnitSink) {
    this.#sink = sink;
    this.#instant = instant;
    this.#limitBytes = MAX_SAMPLE_BYTES - (MAX_SAMPLE_BYTES % instant.bytes);
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    const instant = this.#instant;
    // An incomplete instant at the end is dropped.
    const last = end - ((end - start) % instant.bytes);
    let at = start;
    while (at < last) {
      const to = Math.min(at + this.#limitBytes, last);
      const pts = ticks + ((at - start) / instant.bytes) * instant.ticks;
      if (this.#buffer.append(chunk, at, to)) {
        this.#sink.onUnit(pts, pts, true, this.#buffer.take());
      }
      at = to;
    }
  }
}

/** The bytes unchanged. A sample that does not fit is dropped: its second half would need its own timestamp. */
export function packetizeSampleBased(
  data: Uint8Array,
  maxPayloadBytes: number,
  _isLast: boolean,
  sink: PayloadSink,
): void {
  if (data.length > 0 && data.length <= maxPayloadBytes) {
    // The marker begins a talk spurt (RFC 3551 §4.1); the audio is continuous.
    sink.onPayload(0, 0, data, 0, data.length, false);
  }
}
