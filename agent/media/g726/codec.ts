/*
 * ITU-T G.726: adaptive differential PCM at 8,000 Hz with codes of 2 to 5 bits. Names in capitals are blocks of the recommendation (clause 4).
 * Logarithms have 7 bits of fraction. Signals of the predictor have a format of their own: sign, 4 bits of exponent, 6 of mantissa.
 */

export type G726Bits = 2 | 3 | 4 | 5;

interface Rate {
  /** Least logarithm of the difference for each magnitude of the code but the first (QUAN). */
  readonly levels: readonly number[];
  /** By the magnitude of the code: logarithm of the difference (RECONST), change of the step (FUNCTW), value for speed control (FUNCTF). */
  readonly logs: Int16Array;
  readonly steps: Int32Array;
  readonly speeds: Int16Array;
}

/** Tables 2 to 13: QUAN; RECONST by code; FUNCTW in 32nds; FUNCTF in 512ths. */
const RATES: Readonly<Record<G726Bits, Rate>> = {
  2: rate([261], [116, 365], [-22, 439], [0, 7]),
  3: rate([8, 218, 331], [-2_048, 135, 273, 373], [-4, 30, 137, 582], [0, 1, 2, 7]),
  4: rate(
    [-124, 80, 178, 246, 300, 349, 400],
    [-2_048, 4, 135, 213, 273, 323, 373, 425],
    [-12, 18, 41, 64, 112, 198, 355, 1_122],
    [0, 0, 0, 1, 1, 1, 3, 7],
  ),
  5: rate(
    [-122, -16, 68, 139, 198, 250, 298, 339, 378, 413, 445, 475, 502, 528, 553],
    [-2_048, -66, 28, 104, 169, 224, 274, 318, 358, 395, 429, 459, 488, 514, 539, 566],
    [14, 14, 24, 39, 40, 41, 58, 100, 141, 179, 219, 280, 358, 440, 529, 696],
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6],
  ),
};

function rate(
  levels: readonly number[],
  logs: readonly number[],
  steps: readonly number[],
  speeds: readonly number[],
): Rate {
  return {
    levels,
    logs: Int16Array.from(logs),
    steps: Int32Array.from(steps, (step) => step << 5),
    speeds: Int16Array.from(speeds, (speed) => speed << 9),
  };
}

const ZEROS = 6;
const MIN_STEP = 544;
/** Zero in the format of predictor signals; negative signals are lower by `SIGN`. */
const FLOAT_ZERO = 32;
const SIGN = 0x400;

/** Decodes, or encodes, one channel in order. */
export class G726Codec {
  readonly #bits: G726Bits;
  readonly #rate: Rate;
  /** Fast and slow logarithm of the step; the slow one has 6 more bits of fraction. */
  #fast = MIN_STEP;
  #slow = MIN_STEP << 6;
  /** Short-term and long-term mean of the values for speed control, and the share of the fast step that follows from them. */
  #shortMean = 0;
  #longMean = 0;
  #share = 0;
  #pole1 = 0;
  #pole2 = 0;
  readonly #zeros = new Int32Array(ZEROS);
  /** The last differences, newest first, and the last two reconstructed signals. */
  readonly #differences = new Int32Array(ZEROS).fill(FLOAT_ZERO);
  #signal1 = FLOAT_ZERO;
  #signal2 = FLOAT_ZERO;
  /** Signs of the last two differences from the zero section. */
  #wasNegative1 = false;
  #wasNegative2 = false;
  #isTone = false;
  /** Estimate of the next value: the part of the zero section, and the sum of both sections. */
  #fromZeros = 0;
  #estimate = 0;
  /** Logarithm of the mixed step for the next value. */
  #step = 0;

  constructor(bits: G726Bits) {
    this.#bits = bits;
    this.#rate = RATES[bits];
  }

  /** @param code of `bits` bits @returns 16 bits, signed */
  decode(code: number): number {
    this.#predict();
    return this.#reconstruct(code);
  }

  /** @param value 16 bits, signed @returns a code of `bits` bits */
  encode(value: number): number {
    this.#predict();
    const code = this.#quantize((value >> 2) - this.#estimate);
    this.#reconstruct(code);
    return code;
  }

  #predict(): void {
    this.#fromZeros = this.#predictZeros();
    const fromPoles = multiply(this.#pole2 >> 2, this.#signal2) + multiply(this.#pole1 >> 2, this.#signal1);
    this.#estimate = (this.#fromZeros + fromPoles) >> 1;
    this.#step = this.#mixSteps();
  }

  /** LOG, SUBTB and QUAN. */
  #quantize(difference: number): number {
    const log = logOf(Math.abs(difference)) - (this.#step >> 2);
    const { levels } = this.#rate;
    let index = 0;
    while (index < levels.length && log >= (levels[index] as number)) {
      index += 1;
    }
    // With 2 bits a code of zeros is a value, else it is not sent.
    const isNegative = difference < 0 || (index === 0 && this.#bits > 2);
    return isNegative ? (1 << this.#bits) - 1 - index : index;
  }

  #reconstruct(code: number): number {
    const isNegative = code >> (this.#bits - 1) === 1;
    // One's complement.
    const index = isNegative ? (1 << this.#bits) - 1 - code : code;
    const estimate = this.#estimate;
    const step = this.#step;
    const size = magnitudeOf((this.#rate.logs[index] as number) + (step >> 2));
    // ADDB and ADDC; 14 bits of a difference count in the sum.
    const signal = isNegative ? estimate - (size & 0x3fff) : estimate + size;
    const fromZero = signal - estimate + (this.#fromZeros >> 1);
    const isTransition = this.#isTone && size > this.#transitionThreshold();
    this.#adaptStep(step, this.#rate.steps[index] as number);
    this.#adaptPredictor(isTransition, isNegative, size, signal, fromZero);
    this.#adaptSpeed(isTransition, step, this.#rate.speeds[index] as number);
    return Math.max(-32_768, Math.min(32_767, signal << 2));
  }

  /** FMULT and ACCUM of the zero section. */
  #predictZeros(): number {
    let sum = 0;
    for (let i = 0; i < ZEROS; i += 1) {
      sum += multiply((this.#zeros[i] as number) >> 2, this.#differences[i] as number);
    }
    return sum;
  }

  /** LIMA and MIX. */
  #mixSteps(): number {
    if (this.#share >= 256) {
      return this.#fast;
    }
    const slow = this.#slow >> 6;
    const difference = this.#fast - slow;
    const share = this.#share >> 2;
    // Rounded towards zero.
    return slow + ((difference * share + (difference < 0 ? 63 : 0)) >> 6);
  }

  /** TRANS */
  #transitionThreshold(): number {
    const exponent = this.#slow >> 15;
    const threshold = exponent > 9 ? 31 << 10 : (32 + ((this.#slow >> 10) & 31)) << exponent;
    return (threshold + (threshold >> 1)) >> 1;
  }

  /** FILTD, LIMB and FILTE. */
  #adaptStep(step: number, change: number): void {
    this.#fast = Math.max(MIN_STEP, Math.min(5_120, step + ((change - step) >> 5)));
    this.#slow += this.#fast + (-this.#slow >> 6);
  }

  #adaptPredictor(isTransition: boolean, isNegative: boolean, size: number, signal: number, fromZero: number): void {
    const isBelow = fromZero < 0;
    if (isTransition) {
      this.#pole1 = 0;
      this.#pole2 = 0;
      this.#zeros.fill(0);
    } else {
      this.#adaptPoles(isBelow, fromZero !== 0);
      this.#adaptZeros(isNegative, size);
    }
    this.#differences.copyWithin(1, 0, ZEROS - 1);
    this.#differences[0] = floatOf(size, isNegative);
    this.#signal2 = this.#signal1;
    this.#signal1 = signal <= -32_768 ? FLOAT_ZERO - SIGN : floatOf(Math.abs(signal), signal < 0);
    this.#wasNegative2 = this.#wasNegative1;
    this.#wasNegative1 = isBelow;
    // TONE
    this.#isTone = !isTransition && this.#pole2 < -11_776;
  }

  /** UPA2, LIMC, UPA1 and LIMD. */
  #adaptPoles(isBelow: boolean, isMoving: boolean): void {
    let pole2 = this.#pole2 - (this.#pole2 >> 7);
    let pole1 = this.#pole1 - (this.#pole1 >> 8);
    if (isMoving) {
      const hasTurned = isBelow !== this.#wasNegative1;
      const slope = hasTurned ? this.#pole1 : -this.#pole1;
      pole2 += slope < -8_191 ? -256 : slope > 8_191 ? 255 : slope >> 5;
      pole2 += isBelow === this.#wasNegative2 ? 128 : -128;
      pole2 = Math.max(-12_288, Math.min(12_288, pole2));
      pole1 += hasTurned ? -192 : 192;
    }
    const bound = 15_360 - pole2;
    this.#pole2 = pole2;
    this.#pole1 = Math.max(-bound, Math.min(bound, pole1));
  }

  /** XOR and UPB. */
  #adaptZeros(isNegative: boolean, size: number): void {
    const leak = this.#bits === 5 ? 9 : 8;
    for (let i = 0; i < ZEROS; i += 1) {
      const zero = this.#zeros[i] as number;
      const isSame = (this.#differences[i] as number) < 0 === isNegative;
      this.#zeros[i] = zero - (zero >> leak) + (size === 0 ? 0 : isSame ? 128 : -128);
    }
  }

  /** FILTA, FILTB, SUBTC and FILTC. */
  #adaptSpeed(isTransition: boolean, step: number, speed: number): void {
    this.#shortMean += (speed - this.#shortMean) >> 5;
    this.#longMean += ((speed << 2) - this.#longMean) >> 7;
    const isChanging = Math.abs((this.#shortMean << 2) - this.#longMean) >= this.#longMean >> 3;
    if (isTransition) {
      this.#share = 256;
    } else {
      this.#share += ((step < 1_536 || this.#isTone || isChanging ? 512 : 0) - this.#share) >> 4;
    }
  }
}

/** ANTILOG */
function magnitudeOf(log: number): number {
  return log < 0 ? 0 : ((128 + (log & 127)) << 7) >> (14 - ((log >> 7) & 15));
}

/** LOG */
function logOf(size: number): number {
  const exponent = Math.max(0, exponentOf(size) - 1);
  return (exponent << 7) + (((size << 7) >> exponent) & 127);
}

/** FLOATA and FLOATB: a number in the format of predictor signals. */
function floatOf(size: number, isNegative: boolean): number {
  const exponent = exponentOf(size);
  const value = size === 0 ? FLOAT_ZERO : (exponent << 6) + ((size << 6) >> exponent);
  return isNegative ? value - SIGN : value;
}

/** FMULT: a coefficient of 14 bits and a signal. */
function multiply(coefficient: number, signal: number): number {
  const size = coefficient > 0 ? coefficient : -coefficient & 0x1fff;
  const shift = exponentOf(size) - 6;
  const mantissa = size === 0 ? 32 : shift >= 0 ? size >> shift : size << -shift;
  const exponent = shift + ((signal >> 6) & 15) - 13;
  const product = (mantissa * (signal & 63) + 48) >> 4;
  const value = exponent >= 0 ? (product << exponent) & 0x7fff : product >> -exponent;
  return coefficient < 0 !== signal < 0 ? -value : value;
}

/** Number of bits of a magnitude, 15 at most. */
const exponentOf = (size: number): number => Math.min(15, 32 - Math.clz32(size));
