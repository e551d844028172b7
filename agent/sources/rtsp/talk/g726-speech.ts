import { MU_LAW } from '../../../media/g711/decode.ts';
import { G726_GROUP, G726Encoder } from '../../../media/g726/encode.ts';
import type { G726Format } from '../../../media/g726/format.ts';
import type { TalkEncoder, TalkSink } from './talk-encoder.ts';

/** What does not fill whole bytes waits for the next audio. */
export class G726Speech implements TalkEncoder {
  readonly #encoder: G726Encoder;
  #values = new Int16Array(0);
  #waiting = 0;
  #nextTicks = Number.NaN;
  #isFirst = true;

  constructor({ bits, order }: G726Format) {
    this.#encoder = new G726Encoder(bits, order);
  }

  encode(audio: Uint8Array, ticks: number, sink: TalkSink): void {
    if (ticks !== this.#nextTicks) {
      this.#waiting = 0;
    }
    this.#nextTicks = ticks + audio.length;
    const start = ticks - this.#waiting;
    const count = this.#waiting + audio.length;
    const values = new Int16Array(count);
    values.set(this.#values.subarray(this.#values.length - this.#waiting));
    for (let i = 0; i < audio.length; i += 1) {
      values[this.#waiting + i] = MU_LAW[audio[i] as number] as number;
    }
    this.#values = values;
    this.#waiting = count % G726_GROUP;
    if (count > this.#waiting) {
      sink.onPayload(this.#encoder.encode(values.subarray(0, count - this.#waiting)), start, this.#isFirst);
      this.#isFirst = false;
    }
  }
}
