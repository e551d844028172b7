import { MU_LAW } from '../../../media/g711/decode.ts';
import { G726_GROUP, G726Encoder } from '../../../media/g726/encode.ts';
import { G726_FORMATS } from '../../../media/g726/format.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import type { BackChannel } from '../../../stream/contracts.ts';

const CLOCK_HZ = 8_000;

/** A back channel of a description. */
export interface BackTrack {
  /** Of the speaker's audio. */
  readonly codec: BackChannel['codec'];
  /** Of the camera. */
  readonly format: RtpFormat;
  /** As sent: absolute, relative or absent. */
  readonly control: string | undefined;
  /** Undefined: audio is sent as it comes. */
  readonly encoder: TalkEncoder | undefined;
}

/** Turns a speaker's audio into that of the camera. */
interface TalkEncoder {
  /** @param ticks of its first sample @returns a payload and the time of its first sample */
  encode(audio: Uint8Array, ticks: number): { readonly payload: Uint8Array; readonly ticks: number };
}

/** The first back channel with G.711, else the one with the most bits of G.726. */
export function findBackTrack(medias: readonly SdpMedia[]): BackTrack | undefined {
  let best: BackTrack | undefined;
  let bestBits = 0;
  for (const { format, control } of formatsOf(medias)) {
    const { encoding, clockRate, channels } = format;
    const g726 = clockRate === CLOCK_HZ && channels <= 1 ? G726_FORMATS[encoding] : undefined;
    if (encoding === 'PCMA' || encoding === 'PCMU') {
      return { codec: encoding, format, control, encoder: undefined };
    }
    if (g726 && g726.bits > bestBits) {
      bestBits = g726.bits;
      best = { codec: 'PCMU', format, control, encoder: new G726Speech(new G726Encoder(g726.bits, g726.order)) };
    }
  }
  return best;
}

/** Names of the encodings of all back channels, for messages. */
export const backEncodings = (medias: readonly SdpMedia[]): readonly string[] => [
  ...new Set(formatsOf(medias).map(({ format }) => format.encoding)),
];

const formatsOf = (medias: readonly SdpMedia[]) =>
  medias
    .filter(({ isBackChannel }) => isBackChannel)
    .flatMap(({ formats, control }) => formats.map((format) => ({ format, control })));

/** From µ-law. What does not fill whole bytes waits for the next audio. */
class G726Speech implements TalkEncoder {
  readonly #encoder: G726Encoder;
  #values = new Int16Array(0);
  #waiting = 0;
  #nextTicks = Number.NaN;

  constructor(encoder: G726Encoder) {
    this.#encoder = encoder;
  }

  encode(audio: Uint8Array, ticks: number): { payload: Uint8Array; ticks: number } {
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
    return { payload: this.#encoder.encode(values.subarray(0, count - this.#waiting)), ticks: start };
  }
}
