import { unlessExpected } from '../../../base/errors.ts';
import { AacDecoder, FRAME_SAMPLES } from '../../../media/aac/decode/decoder.ts';
import { aacTrack } from '../../../media/aac/depacketize.ts';
import { AacEncoder } from '../../../media/aac/encode/encoder.ts';
import { auHeaderFormat } from '../../../media/aac/format.ts';
import { latmConfigOf } from '../../../media/aac/latm.ts';
import { parseAacConfig } from '../../../media/aac/params.ts';
import { MU_LAW } from '../../../media/g711/decode.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import { Resampler } from '../../../media/resample/resampler.ts';
import type { TalkEncoder, TalkSink } from './talk-encoder.ts';

const ALL_ONES = 255;

/** One frame as AudioMuxElement without configuration, ISO/IEC 14496-3 tables 1.44 and 1.45: its size as a sum of bytes, then itself. */
function latmElement(frame: Uint8Array): Uint8Array {
  const full = Math.floor(frame.length / ALL_ONES);
  const element = new Uint8Array(full + 1 + frame.length);
  element.fill(ALL_ONES, 0, full);
  element[full] = frame.length % ALL_ONES;
  element.set(frame, full + 1);
  return element;
}

const SPEECH_HZ = 8_000;
/** AU-headers-length, and one header of 13 bits size and 3 bits index (AAC-hbr, RFC 3640 §3.3.6). */
const AU_HEADERS_BYTES = 4;
const AU_HEADER_BITS = 16;

type Wrap = (frame: Uint8Array) => Uint8Array;

/** An encoder for AAC-LC of one channel, or undefined if the format is another kind of AAC, or no AAC. */
export function aacSpeech(format: RtpFormat): AacSpeech | undefined {
  const [config, wrap] = layoutOf(format) ?? [];
  if (!config || !wrap || AacDecoder.refusalOf(config) !== undefined) {
    return undefined;
  }
  const { rateHz, channels } = parseAacConfig(config);
  return channels === 1 ? unlessExpected(() => new AacSpeech(rateHz, format.clockRate, wrap)) : undefined;
}

/** AudioSpecificConfig and packets: AAC-hbr, or LATM with its configuration in the SDP. */
function layoutOf(format: RtpFormat): readonly [config: Uint8Array, wrap: Wrap] | undefined {
  if (format.encoding === 'MPEG4-GENERIC') {
    const headers = auHeaderFormat(format);
    const isPlain = headers?.sizeBits === 13 && headers.indexBits === 3;
    const track = isPlain ? aacTrack(format) : undefined;
    return track && [track.config, withAuHeader];
  }
  const isOutOfBand = format.encoding === 'MP4A-LATM' && format.fmtp.get('cpresent')?.trim() !== '1';
  const latm = isOutOfBand ? latmConfigOf(format) : undefined;
  return latm?.frames === 1 && latm.fixedBytes === 0 ? [latm.config, latmElement] : undefined;
}

/** Frames hold 1024 samples: what does not fill one waits for the next audio. */
class AacSpeech implements TalkEncoder {
  readonly #encoder: AacEncoder;
  readonly #resampler: Resampler;
  readonly #wrap: Wrap;
  /** Ticks of the camera's RTP clock for one sample of speech; that clock may differ from the sample rate. */
  readonly #ticksPerSpeech: number;
  readonly #frameTicks: number;
  readonly #frame = new Float32Array(FRAME_SAMPLES);
  #filled = 0;
  /** RTP time of the first sample in `#frame`, in ticks; not always whole. */
  #startTicks = 0;
  #nextTicks = Number.NaN;

  /** @throws PerchError for a rate that speech cannot be resampled to */
  constructor(rateHz: number, clockRate: number, wrap: Wrap) {
    this.#encoder = new AacEncoder(rateHz);
    this.#resampler = new Resampler(SPEECH_HZ, rateHz, 1);
    this.#wrap = wrap;
    this.#ticksPerSpeech = clockRate / SPEECH_HZ;
    this.#frameTicks = (FRAME_SAMPLES * clockRate) / rateHz;
  }

  encode(audio: Uint8Array, ticks: number, sink: TalkSink): void {
    const missing = ticks - this.#nextTicks;
    // A shorter gap is filled with silence, a longer one is a pause: 0.25 s.
    if (missing > 0 && missing <= 2_000) {
      this.#push(new Float32Array(missing), sink);
    } else if (missing !== 0) {
      this.#filled = 0;
      this.#startTicks = ticks * this.#ticksPerSpeech;
    }
    this.#nextTicks = ticks + audio.length;
    this.#push(
      Float32Array.from(audio, (code) => (MU_LAW[code] as number) / 32_768),
      sink,
    );
  }

  #push(speech: Float32Array, sink: TalkSink): void {
    const samples = new Float32Array(this.#resampler.outputFor(speech.length));
    const count = this.#resampler.push(speech, speech.length, samples);
    for (let at = 0; at < count; ) {
      const taken = Math.min(count - at, FRAME_SAMPLES - this.#filled);
      this.#frame.set(samples.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === FRAME_SAMPLES) {
        // The marker ends each frame (RFC 3640 §3.1, RFC 6416 §6.1).
        sink.onPayload(this.#wrap(this.#encoder.encode(this.#frame)), Math.round(this.#startTicks), true);
        this.#filled = 0;
        this.#startTicks += this.#frameTicks;
      }
    }
  }
}

function withAuHeader(frame: Uint8Array): Uint8Array {
  const payload = new Uint8Array(AU_HEADERS_BYTES + frame.length);
  const view = new DataView(payload.buffer);
  view.setUint16(0, AU_HEADER_BITS);
  view.setUint16(2, frame.length << 3);
  payload.set(frame, AU_HEADERS_BYTES);
  return payload;
}
