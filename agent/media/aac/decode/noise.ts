import { type Channel, MAX_BANDS, SHORT_SAMPLES } from './channel.ts';

/**
 * Perceptual noise substitution, ISO/IEC 14496-3 §4.6.13. Any generator is allowed; this one, with this seed, is FFmpeg's, so that the
 * results of both decoders can be compared.
 */
export class NoiseSource {
  #state = 0x1f2e3d4c;
  /** State at the start of each band of a pair's first channel. */
  readonly #starts = new Int32Array(MAX_BANDS);

  /** Fills each window of a band so that the root of the sum of squares is `level`. */
  fill(channel: Channel, band: number, from: number, width: number, windows: number, level: number): void {
    this.#starts[band] = this.#state;
    this.#state = fillFrom(this.#state, channel.spectrum, from, width, windows, level);
  }

  /** The noise of the pair's first channel in this band. */
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
