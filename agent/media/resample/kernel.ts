/** Shape of the Kaiser window: images and aliases are 75 dB down. */
const KAISER_BETA = 7.4;

/**
 * The taps of a low-pass filter, for each of `phases` places between two input samples: a sinc under a Kaiser window.
 * @param taps how many input samples one output sample is made of; half of them lie behind it
 * @param cutoff of half the input rate: 1 or less
 */
export function lowPassTaps(phases: number, taps: number, cutoff: number): Float64Array {
  const kernel = new Float64Array(phases * taps);
  for (let phase = 0; phase < phases; phase += 1) {
    const own = kernel.subarray(phase * taps, (phase + 1) * taps);
    for (let tap = 0; tap < taps; tap += 1) {
      const distance = tap - (taps / 2 - 1) - phase / phases;
      own[tap] = sinc(cutoff * distance) * kaiser(distance / (taps / 2));
    }
    // What does not change at all comes out as it is, at each place: else there would be a hum.
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

/** Modified Bessel function of the first kind and order zero, by its power series: what Kaiser's windows are made of. */
export function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let i = 1; term > sum * 1e-18; i += 1) {
    term *= (x / (2 * i)) ** 2;
    sum += term;
  }
  return sum;
}
