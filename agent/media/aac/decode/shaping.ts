import type { BandLayout } from './bands.ts';
import { type Channel, MAX_SHAPER_ORDER, SHORT_SAMPLES, type TnsFilter } from './channel.ts';

const predictor = new Float64Array(MAX_SHAPER_ORDER);
const mirrored = new Float64Array(MAX_SHAPER_ORDER);

/** Temporal noise shaping, ISO/IEC 14496-3 §4.6.9: an all-pole filter that runs along the spectrum. */
export function shapeSpectrum(channel: Channel, layout: BandLayout): void {
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
