import { MU_LAW } from '../../../media/g711/decode.ts';
import { G726_GROUP, G726Encoder } from '../../../media/g726/encode.ts';
import { G726_FORMATS, type G726Format } from '../../../media/g726/format.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import type { BackChannel } from '../../../stream/contracts.ts';
import { aacSpeech } from './aac-speech.ts';
import type { TalkEncoder, TalkSink } from './talk-encoder.ts';

/** Encodes speech as G.726. Code words that do not fill a whole byte wait for the next audio. */
class G726Speech implements TalkEncoder {
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

/** Format of the speech that an encoder takes. */
const SPEECH = { codec: 'PCMU', clockRate: 8_000, channels: 1 } as const;

/** A back channel of a description. */
export interface BackTrack extends Pick<BackChannel, 'codec' | 'clockRate' | 'channels'> {
  /** The camera's format; `codec`, `clockRate` and `channels` describe the speaker's audio. */
  readonly format: RtpFormat;
  /** The control attribute as sent: absolute, relative or absent. */
  readonly control: string | undefined;
  /** Undefined: audio is sent as it comes. */
  readonly encoder: TalkEncoder | undefined;
}

/** The first back channel with G.711, else the one with the most bits of G.726, else the first with AAC-LC. */
export function findBackTrack(medias: readonly SdpMedia[]): BackTrack | undefined {
  const offered = formatsOf(medias);
  const plain = offered.find(({ format: { encoding } }) => encoding === 'PCMA' || encoding === 'PCMU');
  if (plain) {
    const { encoding, clockRate, channels } = plain.format;
    return { ...plain, codec: encoding as BackChannel['codec'], clockRate, channels, encoder: undefined };
  }
  const [best] = offered
    .flatMap((each) => {
      const g726 = g726Of(each.format);
      return g726 ? [{ each, g726 }] : [];
    })
    .sort((a, b) => b.g726.bits - a.g726.bits);
  if (best) {
    return { ...best.each, ...SPEECH, encoder: new G726Speech(best.g726) };
  }
  for (const each of offered) {
    const encoder = aacSpeech(each.format);
    if (encoder) {
      return { ...each, ...SPEECH, encoder };
    }
  }
  return undefined;
}

const g726Of = ({ encoding, clockRate, channels }: RtpFormat) =>
  clockRate === SPEECH.clockRate && channels <= 1 ? G726_FORMATS[encoding] : undefined;

/** Names of the encodings of all back channels, for messages. */
export const backEncodings = (medias: readonly SdpMedia[]): readonly string[] => [
  ...new Set(formatsOf(medias).map(({ format }) => format.encoding)),
];

const formatsOf = (medias: readonly SdpMedia[]) =>
  medias
    .filter(({ isBackChannel }) => isBackChannel)
    .flatMap(({ formats, control }) => formats.map((format) => ({ format, control })));
