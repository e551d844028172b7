/**
 * DCT of type IV: `out[m] = gain * sum over k of in[k] * cos(pi / size * (m + 1/2) * (k + 1/2))`, by a complex Fourier transform of half the
 * size. An inverse MDCT of twice the size follows from it.
 */
export class Dct4 {
  readonly #size: number;
  readonly #twiddles: Float64Array;
  readonly #gain: number;
  readonly #fourier: Fourier;

  /** @param size twice a power of 4, or four times one */
  constructor(size: number, gain: number) {
    this.#size = size;
    this.#gain = gain;
    this.#fourier = new Fourier(size / 2);
    this.#twiddles = new Float64Array(size);
    for (let i = 0; i < size / 2; i += 1) {
      const angle = (Math.PI / size) * (i + 1 / 8);
      this.#twiddles[2 * i] = Math.cos(angle);
      this.#twiddles[2 * i + 1] = Math.sin(angle);
    }
  }

  transform(input: Float64Array, start: number, out: Float64Array): void {
    const size = this.#size;
    const twiddles = this.#twiddles;
    const gain = this.#gain;
    const { re, im } = this.#fourier;
    for (let i = 0; i < size / 2; i += 1) {
      const cos = twiddles[2 * i] as number;
      const sin = twiddles[2 * i + 1] as number;
      const even = input[start + 2 * i] as number;
      const odd = input[start + size - 1 - 2 * i] as number;
      re[i] = even * cos + odd * sin;
      im[i] = odd * cos - even * sin;
    }
    this.#fourier.transform();
    const { resultRe, resultIm } = this.#fourier;
    for (let i = 0; i < size / 2; i += 1) {
      const cos = gain * (twiddles[2 * i] as number);
      const sin = gain * (twiddles[2 * i + 1] as number);
      const x = resultRe[i] as number;
      const y = resultIm[i] as number;
      out[2 * i] = x * cos + y * sin;
      out[size - 1 - 2 * i] = x * sin - y * cos;
    }
  }
}

/** Discrete Fourier transform, radix 4 with a last step of radix 2 where needed, sorted as it goes (Stockham). */
class Fourier {
  /** Input of `transform`, which overwrites it. */
  readonly re: Float64Array;
  readonly im: Float64Array;
  /** Output of `transform`. */
  readonly resultRe: Float64Array;
  readonly resultIm: Float64Array;
  readonly #otherRe: Float64Array;
  readonly #otherIm: Float64Array;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  constructor(size: number) {
    this.re = new Float64Array(size);
    this.im = new Float64Array(size);
    this.#otherRe = new Float64Array(size);
    this.#otherIm = new Float64Array(size);
    const isOddSteps = Math.ceil(Math.log2(size) / 2) % 2 === 1;
    this.resultRe = isOddSteps ? this.#otherRe : this.re;
    this.resultIm = isOddSteps ? this.#otherIm : this.im;
    this.#cos = Float64Array.from({ length: size }, (_, i) => Math.cos((2 * Math.PI * i) / size));
    this.#sin = Float64Array.from({ length: size }, (_, i) => -Math.sin((2 * Math.PI * i) / size));
  }

  transform(): void {
    const size = this.re.length;
    let isThere = true;
    let stride = 1;
    for (; 4 * stride <= size; stride *= 4) {
      if (isThere) {
        this.#quarter(this.re, this.im, this.#otherRe, this.#otherIm, stride);
      } else {
        this.#quarter(this.#otherRe, this.#otherIm, this.re, this.im, stride);
      }
      isThere = !isThere;
    }
    if (stride < size) {
      halve(isThere ? this.re : this.#otherRe, this.resultRe, stride);
      halve(isThere ? this.im : this.#otherIm, this.resultIm, stride);
    }
  }

  /** Splits `stride` interleaved transforms into four times as many of a quarter of the length. */
  #quarter(fromRe: Float64Array, fromIm: Float64Array, toRe: Float64Array, toIm: Float64Array, stride: number): void {
    const quarter = fromRe.length >> 2;
    for (let p = 0; p < quarter; p += stride) {
      const c1 = this.#cos[p] as number;
      const s1 = this.#sin[p] as number;
      const c2 = this.#cos[2 * p] as number;
      const s2 = this.#sin[2 * p] as number;
      const c3 = this.#cos[3 * p] as number;
      const s3 = this.#sin[3 * p] as number;
      for (let from = p, to = 4 * p; from < p + stride; from += 1, to += 1) {
        const aRe = fromRe[from] as number;
        const aIm = fromIm[from] as number;
        const bRe = fromRe[from + quarter] as number;
        const bIm = fromIm[from + quarter] as number;
        const cRe = fromRe[from + 2 * quarter] as number;
        const cIm = fromIm[from + 2 * quarter] as number;
        const dRe = fromRe[from + 3 * quarter] as number;
        const dIm = fromIm[from + 3 * quarter] as number;
        toRe[to] = aRe + cRe + bRe + dRe;
        toIm[to] = aIm + cIm + bIm + dIm;
        const x1 = aRe - cRe + (bIm - dIm);
        const y1 = aIm - cIm - (bRe - dRe);
        toRe[to + stride] = x1 * c1 - y1 * s1;
        toIm[to + stride] = x1 * s1 + y1 * c1;
        const x2 = aRe + cRe - (bRe + dRe);
        const y2 = aIm + cIm - (bIm + dIm);
        toRe[to + 2 * stride] = x2 * c2 - y2 * s2;
        toIm[to + 2 * stride] = x2 * s2 + y2 * c2;
        const x3 = aRe - cRe - (bIm - dIm);
        const y3 = aIm - cIm + (bRe - dRe);
        toRe[to + 3 * stride] = x3 * c3 - y3 * s3;
        toIm[to + 3 * stride] = x3 * s3 + y3 * c3;
      }
    }
  }
}

function halve(from: Float64Array, to: Float64Array, stride: number): void {
  for (let i = 0; i < stride; i += 1) {
    const a = from[i] as number;
    const b = from[i + stride] as number;
    to[i] = a + b;
    to[i + stride] = a - b;
  }
}
