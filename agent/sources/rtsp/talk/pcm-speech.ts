import { MU_LAW } from '../../../media/g711/decode.ts';
import { Resampler } from '../../../media/resample/resampler.ts';
import type { TalkEncoder, TalkSink } from './talk-encoder.ts';

const SPEECH_HZ = 8_000;

/** Encodes speech as linear samples of 16 bits, big-endian (L16, RFC 3551 §4.5.11), of one channel. */
export class PcmSpeech implements TalkEncoder {
  readonly #resampler: Resampler;
  readonly #perSpeech: number;
  /** RTP time of the next sample. */
  #ticks = 0;
  #nextSpeech = Number.NaN;
  #isFirst = true;

  /** @throws PerchError for a rate that speech cannot be resampled to */
  constructor(rateHz: number) {
    this.#resampler = new Resampler(SPEECH_HZ, rateHz, 1);
    this.#perSpeech = rateHz / SPEECH_HZ;
  }

  encode(audio: Uint8Array, ticks: number, sink: TalkSink): void {
    if (ticks !== this.#nextSpeech) {
      this.#ticks = Math.round(ticks * this.#perSpeech);
    }
    this.#nextSpeech = ticks + audio.length;
    const speech = Float32Array.from(audio, (code) => (MU_LAW[code] as number) / 32_768);
    const samples = new Float32Array(this.#resampler.outputFor(speech.length));
    const count = this.#resampler.push(speech, speech.length, samples);
    const payload = new Uint8Array(2 * count);
    const view = new DataView(payload.buffer);
    for (let i = 0; i < count; i += 1) {
      view.setInt16(2 * i, Math.max(-32_768, Math.min(32_767, Math.round((samples[i] as number) * 32_768))));
    }
    if (count > 0) {
      sink.onPayload(payload, this.#ticks, this.#isFirst);
      this.#isFirst = false;
      this.#ticks += count;
    }
  }
}
