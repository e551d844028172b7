import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { AUDIO_SAMPLES, SampleBuffer } from '../sample/sample-buffer.ts';

/** Undefined: no clock. */
export function createKlvDepacketizer(format: RtpFormat, sink: UnitSink): Depacketizer | undefined {
  if (format.clockRate <= 0) {
    return undefined;
  }
  sink.onTrack({ kind: 'data', codec: 'klv', clockRate: format.clockRate });
  return new KlvDepacketizer(sink);
}

/** RFC 6597: the packets of a KLV unit have one timestamp; the marker ends it. A unit with missing packets is dropped (§4.3). */
class KlvDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  readonly #buffer = new SampleBuffer(AUDIO_SAMPLES);
  #ticks = Number.NaN;
  /** The next packet begins a unit. */
  #isEnded = true;
  #isDamaged = false;

  constructor(sink: UnitSink) {
    this.#sink = sink;
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    const isBeginning = this.#isEnded;
    if (gap && !isBeginning) {
      this.#damage('a packet of a KLV unit is missing');
    }
    if (isBeginning || ticks !== this.#ticks) {
      // Without a marker the next timestamp ends the unit, unless packets between them are missing.
      this.#end();
      this.#ticks = ticks;
      // The missing packets may be the first ones of this unit.
      this.#isDamaged = gap;
    }
    if (!this.#isDamaged && !this.#buffer.append(chunk, start, end)) {
      this.#damage(`KLV unit is larger than ${AUDIO_SAMPLES.maxSampleBytes} bytes`);
    }
    this.#isEnded = marker;
    if (marker) {
      this.#end();
    }
  }

  #end(): void {
    if (this.#buffer.sizeBytes > 0 && !this.#isDamaged) {
      this.#sink.onUnit(this.#ticks, this.#ticks, true, this.#buffer.take());
    }
    this.#buffer.drop();
  }

  #damage(reason: string): void {
    this.#isDamaged = true;
    this.#buffer.drop();
    this.#sink.onDamage(reason);
  }
}
