import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { AUDIO_SAMPLES, SampleBuffer, VIDEO_SAMPLES } from '../sample/sample-buffer.ts';

/** Header of each packet in a sample: its marker (8 bits), and the length of its payload (16). */
export const PACKET_HEAD_BYTES = 3;

/**
 * Passes on the packets of an unknown format unchanged. The packets with one timestamp form one sample, because the times of a stream
 * must increase. The sample ends at a marker or before the next timestamp. Missing packets are left out.
 */
export class GenericDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  readonly #buffer: SampleBuffer;
  #ticks = Number.NaN;

  constructor(format: RtpFormat, media: 'audio' | 'video' | 'application', sink: UnitSink) {
    this.#sink = sink;
    this.#buffer = new SampleBuffer(media === 'audio' ? AUDIO_SAMPLES : VIDEO_SAMPLES);
    const { clockRate, encoding, text } = format;
    const { rtpmap, fmtp } = text ?? { rtpmap: `${encoding}/${clockRate}`, fmtp: '' };
    sink.onTrack({ kind: 'data', codec: 'generic', clockRate, media, rtpmap, fmtp });
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean): void {
    if (ticks !== this.#ticks) {
      this.#end();
      this.#ticks = ticks;
    }
    const length = end - start;
    const buffer = this.#buffer;
    const fits =
      buffer.appendByte(marker ? 1 : 0) &&
      buffer.appendByte(length >> 8) &&
      buffer.appendByte(length & 0xff) &&
      buffer.append(chunk, start, end);
    if (!fits) {
      buffer.drop();
      this.#sink.onDamage('packets of one time exceed the largest sample');
    } else if (marker) {
      this.#end();
    }
  }

  #end(): void {
    if (this.#buffer.sizeBytes > 0) {
      this.#sink.onUnit(this.#ticks, this.#ticks, true, this.#buffer.take());
    }
  }
}
