import { type Channel, MAX_BANDS, SHORT_SAMPLES } from './channel.ts';

/**
 * Noise for bands that have only its energy (perceptual noise substitution, ISO/IEC 14496-3 §4.6.13). Any generator will do; this one,
 * with this seed, is FFmpeg's, so that what both decode can be compared.
 */
export class NoiseSource {
  #state = 0x1f2e3d4c;
  /** What each band of the first channel of a pair began with. */
  readonly #starts = new Int32Array(MAX_BANDS);

  /** Fills each window of a band so that the root of the sum of squares is `level`. */
  fill(channel: Channel, band: number, from: number, width: number, windows: number, level: number): void {
    this.#starts[band] = this.#state;
    this.#state = fillFrom(this.#state, channel.spectrum, from, width, windows, level);
  }

  /** The same noise as the first channel of the pair has in this band. */
  repeat(channel: Channel, band: number, from: number, width: number, windows: number, level: number): void {
    fillFrom(this.#starts[band] as number, channel.spectrum, from, width, windows, level);
  }
}

function fillFrom(
  start: number,
  spectrum: Float64Array,
  from: number,
  width: number,
  windows: number,
  level: number,
): number {
  let state = start;
  for (let window = 0; window < windows; window += 1) {
    const first = from + window * SHORT_SAMPLES;
    let energy = 0;
    for (let at = first; at < first + width; at += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      spectrum[at] = state;
      energy += state * state;
    }
    const factor = level / Math.sqrt(energy);
    for (let at = first; at < first + width; at += 1) {
      spectrum[at] = (spectrum[at] as number) * factor;
    }
  }
  return state;
}
