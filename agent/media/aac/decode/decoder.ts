import { PerchError } from '../../../base/errors.ts';
import type { BandLayout } from './bands.ts';
import { type Channel, LONG_SAMPLES, MAX_SHAPER_ORDER, SHORT_SAMPLES, type TnsFilter } from './channel.ts';
import { readDecoderConfig } from './config.ts';
import { Filterbank } from './filterbank.ts';
import { FrameReader } from './frame.ts';

const predictor = new Float64Array(MAX_SHAPER_ORDER);
const mirrored = new Float64Array(MAX_SHAPER_ORDER);

/** Temporal noise shaping, ISO/IEC 14496-3 §4.6.9: an all-pole filter that runs along the spectrum. */
function shapeSpectrum(channel: Channel, layout: BandLayout): void {
  const { borders, spectrum } = channel;
  const highest = Math.min(channel.isShort ? layout.shortShaped : layout.longShaped, channel.bands);
  for (let i = 0; i < channel.shapers; i += 1) {
    const shaper = channel.shaper[i] as TnsFilter;
    const offset = shaper.window * SHORT_SAMPLES;
    const from = offset + (borders[Math.min(shaper.fromBand, highest)] as number);
    const to = offset + (borders[Math.min(shaper.toBand, highest)] as number);
    predictorOf(shaper);
    if (shaper.isDownward) {
      filter(spectrum, to - 1, -1, to - from, shaper.order);
    } else {
      filter(spectrum, from, 1, to - from, shaper.order);
    }
  }
}

/** From reflection coefficients, by Levinson's recursion. */
function predictorOf({ order, reflections }: TnsFilter): void {
  for (let m = 0; m < order; m += 1) {
    const reflection = reflections[m] as number;
    for (let i = 0; i < m; i += 1) {
      mirrored[i] = (predictor[i] as number) + reflection * (predictor[m - 1 - i] as number);
    }
    for (let i = 0; i < m; i += 1) {
      predictor[i] = mirrored[i] as number;
    }
    predictor[m] = reflection;
  }
}

function filter(spectrum: Float64Array, start: number, step: 1 | -1, size: number, order: number): void {
  for (let n = 0, at = start; n < size; n += 1, at += step) {
    let value = spectrum[at] as number;
    const known = Math.min(n, order);
    for (let i = 0; i < known; i += 1) {
      value -= (predictor[i] as number) * (spectrum[at - (i + 1) * step] as number);
    }
    spectrum[at] = value;
  }
}

/** PCM samples (per channel) of one frame. */
export const FRAME_SAMPLES = LONG_SAMPLES;

/**
 * Decodes AAC-LC of one or two channels, ISO/IEC 14496-3 subpart 4. Allocates nothing per frame.
 * The first frame, and the first after a lost one, fade in: their overlap with the previous frame is missing.
 */
export class AacDecoder {
  readonly rateHz: number;
  readonly channels: 1 | 2;
  readonly #reader: FrameReader;
  readonly #filterbanks: readonly [Filterbank, Filterbank] = [new Filterbank(), new Filterbank()];

  /** The reason, as a message, why this AudioSpecificConfig cannot be decoded, or undefined if it can. */
  static refusalOf(config: Uint8Array): string | undefined {
    try {
      readDecoderConfig(config);
      return undefined;
    } catch (error) {
      if (error instanceof PerchError) {
        return error.message;
      }
      throw error;
    }
  }

  /** @throws PerchError if `refusalOf` gives a reason */
  constructor(config: Uint8Array) {
    const { rateHz, channels } = readDecoderConfig(config);
    this.rateHz = rateHz;
    this.channels = channels;
    this.#reader = new FrameReader(rateHz);
  }

  /**
   * Decodes one frame (raw_data_block, no ADTS header). If its channels differ from the config, mono is doubled and stereo is averaged.
   * @param out gets interleaved samples, clipped to full scale, which is 1: room for `FRAME_SAMPLES * channels`
   * @returns samples per channel: FRAME_SAMPLES
   * @throws PerchError for an invalid frame, without output; `conceal` fills its duration
   */
  decode(frame: Uint8Array, out: Float32Array): number {
    const reader = this.#reader;
    reader.read(frame);
    for (let i = 0; i < reader.count; i += 1) {
      const channel = reader.channels[i as 0 | 1];
      shapeSpectrum(channel, reader.layout);
      this.#filterbanks[i as 0 | 1].push(channel);
    }
    if (reader.count === 1) {
      this.#filterbanks[1].follow(this.#filterbanks[0]);
    } else if (reader.count === 0) {
      this.#fade();
    }
    return this.#write(out);
  }

  /** For a lost frame: the end of the previous frame fades out, then silence. Same units as `decode`. */
  conceal(out: Float32Array): number {
    this.#fade();
    return this.#write(out);
  }

  #fade(): void {
    this.#filterbanks[0].fade();
    this.#filterbanks[1].fade();
  }

  #write(out: Float32Array): number {
    const left = this.#filterbanks[0].samples;
    const right = this.#filterbanks[1].samples;
    for (let i = 0; i < FRAME_SAMPLES; i += 1) {
      const l = left[i] as number;
      const r = right[i] as number;
      if (this.channels === 2) {
        out[2 * i] = clip(l);
        out[2 * i + 1] = clip(r);
      } else {
        out[i] = clip((l + r) / 2);
      }
    }
    return FRAME_SAMPLES;
  }
}

function clip(value: number): number {
  return Math.max(-1, Math.min(value, 1));
}
