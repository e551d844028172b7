import { bessel } from '../../resample/kernel.ts';
import { LONG_SAMPLES, SHORT_SAMPLES } from './channel.ts';

/** The rising half of a window, for each window_shape; the falling half is the same backwards. */
interface WindowHalves {
  readonly long: Float64Array;
  readonly short: Float64Array;
  /** Of a long window next to short ones: rises as these do, in the middle of zeros and ones. */
  readonly edge: Float64Array;
}

/** By window_shape, ISO/IEC 14496-3 §4.6.11.3.2: sine, and Kaiser-Bessel derived with alpha 4 for long and 6 for short windows. */
export const WINDOWS: readonly [WindowHalves, WindowHalves] = [
  halves(sine(LONG_SAMPLES), sine(SHORT_SAMPLES)),
  halves(kaiserBessel(LONG_SAMPLES, 4), kaiserBessel(SHORT_SAMPLES, 6)),
];

function halves(long: Float64Array, short: Float64Array): WindowHalves {
  const start = (LONG_SAMPLES - SHORT_SAMPLES) / 2;
  const edge = new Float64Array(LONG_SAMPLES).fill(1, start);
  edge.set(short, start);
  return { long, short, edge };
}

function sine(size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => Math.sin((Math.PI / (2 * size)) * (i + 0.5)));
}

/** The root of the running sum of a Kaiser window of `size + 1` samples. */
function kaiserBessel(size: number, alpha: number): Float64Array {
  const half = new Float64Array(size);
  let sum = 0;
  for (let i = 0; i <= size; i += 1) {
    const place = (2 * i) / size - 1;
    sum += bessel(Math.PI * alpha * Math.sqrt(1 - place * place));
    if (i < size) {
      half[i] = sum;
    }
  }
  return half.map((value) => Math.sqrt(value / sum));
}
