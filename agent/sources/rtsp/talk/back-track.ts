import { unlessExpected } from '../../../base/errors.ts';
import { MU_LAW } from '../../../media/g711/decode.ts';
import { G726_FORMATS, G726_GROUP, G726Encoder, type G726Format } from '../../../media/g726/format.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import { Resampler } from '../../../media/resample/resampler.ts';
import type { Sdp, SdpMedia } from '../../../media/sdp/parse.ts';
import type { BackChannel } from '../../../stream/contracts.ts';
import { aacSpeech } from './aac-speech.ts';
import { type PacketSize, packetSizeOf } from './packet-size.ts';
import type { TalkEncoder, TalkSink } from './talk-encoder.ts';

const SPEECH_HZ = 8_000;

/** Encodes speech as linear samples of 16 bits, big-endian (L16, RFC 3551 §4.5.11), of one channel. */
class PcmSpeech implements TalkEncoder {
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
  /** Undefined: the encoder makes the packets. */
  readonly packets: PacketSize | undefined;
}

/**
 * The back channel for which audio needs the least work: G.711 as browsers send it, the one with the most bits of G.726, linear samples, AAC-LC,
 * then G.711 of other rates, which only programs send that have it themselves. The first of a kind.
 */
export function findBackTrack({ medias, tool }: Pick<Sdp, 'medias' | 'tool'>): BackTrack | undefined {
  const offered = formatsOf(medias);
  const g711 = offered.filter(({ format: { encoding } }) => encoding === 'PCMA' || encoding === 'PCMU');
  const isOfBrowsers = ({ format }: Offered) => format.clockRate === SPEECH.clockRate && format.channels === 1;
  const withSize = <T extends Offered>(track: T) => ({
    ...track,
    packets: packetSizeOf({ tool }, track.media, track.format),
  });
  const raw = (each: Offered): BackTrack => {
    const { encoding, clockRate, channels } = each.format;
    return { ...withSize(each), codec: encoding as BackChannel['codec'], clockRate, channels, encoder: undefined };
  };
  const plain = g711.find(isOfBrowsers);
  if (plain) {
    return raw(plain);
  }
  const g726 = offered
    .flatMap((each) => {
      const format = g726Of(each.format);
      return format ? [{ each, format }] : [];
    })
    .sort((a, b) => b.format.bits - a.format.bits)
    .map(({ each, format }) => ({ each, create: () => new G726Speech(format) }));
  const others = [linearSpeech, aacSpeech].flatMap((create) =>
    offered.map((each) => ({ each, create: () => create(each.format) })),
  );
  for (const { each, create } of [...g726, ...others]) {
    const encoder = create();
    if (encoder) {
      return { ...withSize(each), ...SPEECH, encoder };
    }
  }
  return g711[0] && raw(g711[0]);
}

const linearSpeech = ({ encoding, clockRate, channels }: RtpFormat): PcmSpeech | undefined =>
  encoding === 'L16' && channels === 1 ? unlessExpected(() => new PcmSpeech(clockRate)) : undefined;

const g726Of = ({ encoding, clockRate, channels }: RtpFormat) =>
  clockRate === SPEECH.clockRate && channels <= 1 ? G726_FORMATS[encoding] : undefined;

/** Names of the encodings of all back channels, for messages. */
export const backEncodings = (medias: readonly SdpMedia[]): readonly string[] => [
  ...new Set(formatsOf(medias).map(({ format }) => format.encoding)),
];

interface Offered extends Pick<BackTrack, 'format' | 'control'> {
  readonly media: SdpMedia;
}

const formatsOf = (medias: readonly SdpMedia[]) =>
  medias
    .filter(({ isBackChannel }) => isBackChannel)
    .flatMap((media): Offered[] => media.formats.map((format) => ({ format, media, control: media.control })));
