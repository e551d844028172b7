/** Shape of the Kaiser window, for 75 dB attenuation of images and aliases. */
const KAISER_BETA = 7.4;

/**
 * The taps of a low-pass filter for each of `phases` positions between two input samples: a sinc with a Kaiser window.
 * @param taps input samples per output sample, half of them after it
 * @param cutoff as a share of half the input rate: 1 or less
 */
export function lowPassTaps(phases: number, taps: number, cutoff: number): Float64Array {
  const kernel = new Float64Array(phases * taps);
  for (let phase = 0; phase < phases; phase += 1) {
    const own = kernel.subarray(phase * taps, (phase + 1) * taps);
    for (let tap = 0; tap < taps; tap += 1) {
      const distance = tap - (taps / 2 - 1) - phase / phases;
      own[tap] = sinc(cutoff * distance) * kaiser(distance / (taps / 2));
    }
    // Unity gain at DC for each phase: else a constant input would hum.
    const sum = own.reduce((total, value) => total + value, 0);
    own.set(own.map((value) => value / sum));
  }
  return kernel;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(place: number): number {
  return bessel(KAISER_BETA * Math.sqrt(Math.max(0, 1 - place * place)));
}

/** Modified Bessel function of the first kind and order zero, by its power series. */
export function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let i = 1; term > sum * 1e-18; i += 1) {
    term *= (x / (2 * i)) ** 2;
    sum += term;
  }
  return sum;
}
