import { PerchError } from '../../../base/errors.ts';
import type { CabacDecoder } from '../../payload/cabac-decoder.ts';
import { CONTEXT } from './contexts.ts';
import type { PictureState } from './picture-state.ts';

const MAX_PREFIX = 5;

/** Quantisers of luma, H.265 §8.6.1. */
export class Quantizer {
  /** QpY of the current unit. */
  qp = 0;
  /** CuQpDeltaVal of the current group was read, or there is none. */
  isKnown = true;
  readonly #cabac: CabacDecoder;
  readonly #state: PictureState;
  /** QpBdOffsetY */
  readonly #offset: number;
  #sliceQp = 0;
  #isEnabled = false;
  #isFirst = true;
  #predicted = 0;

  constructor(cabac: CabacDecoder, state: PictureState, bitDepth: number) {
    this.#cabac = cabac;
    this.#state = state;
    this.#offset = 6 * (bitDepth - 8);
  }

  beginSlice(qp: number, isEnabled: boolean): void {
    this.#sliceQp = qp;
    this.#isEnabled = isEnabled;
    this.isKnown = true;
  }

  reset(): void {
    this.#isFirst = true;
    this.qp = this.#sliceQp;
  }

  /** A quantization group begins. */
  beginGroup(x: number, y: number): void {
    if (!this.#isEnabled) {
      return;
    }
    const before = this.#isFirst ? this.#sliceQp : this.qp;
    this.#isFirst = false;
    this.isKnown = false;
    this.#predicted = (this.#near(x - 1, y, before) + this.#near(x, y - 1, before) + 1) >> 1;
    this.qp = this.#predicted;
  }

  /** Neighbours count within the coding tree unit only. */
  #near(x: number, y: number, otherwise: number): number {
    const state = this.#state;
    const isInUnit = x >> state.unitBits === state.unitX && y >> state.unitBits === state.unitY;
    return isInUnit ? (state.qps[state.blockAt(x, y)] as number) : otherwise;
  }

  /** cu_qp_delta_abs and cu_qp_delta_sign_flag. */
  read(): void {
    const cabac = this.#cabac;
    let size = 0;
    while (size < MAX_PREFIX && cabac.bin(CONTEXT.quantizer + (size === 0 ? 0 : 1)) === 1) {
      size += 1;
    }
    if (size === MAX_PREFIX) {
      size += cabac.suffix(0);
    }
    const delta = size > 0 && cabac.bypass() === 1 ? -size : size;
    this.isKnown = true;
    const range = 52 + this.#offset;
    if (size > range >> 1) {
      throw new PerchError('badInput', `CuQpDeltaVal is ${delta}, at most ${range >> 1} allowed`);
    }
    this.qp = ((this.#predicted + delta + 52 + 2 * this.#offset) % range) - this.#offset;
  }
}
