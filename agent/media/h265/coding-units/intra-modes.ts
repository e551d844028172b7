import type { CabacDecoder } from '../../payload/cabac-decoder.ts';
import { CONTEXT } from './contexts.ts';
import { INTRA_DC, type PictureState } from './picture-state.ts';

const PLANAR = 0;
const HORIZONTAL = 10;
const VERTICAL = 26;
const ANGULAR_34 = 34;
/** intra_chroma_pred_mode 0 to 3, H.265 table 8-2; 4 is the mode of luma. */
const CHROMA_MODES = Uint8Array.of(PLANAR, VERTICAL, HORIZONTAL, INTRA_DC);
const AS_LUMA = 4;

/** Intra modes decide in which order coefficients are read: H.265 §8.4.2 and §8.4.3. */
export class IntraModes {
  /** Luma modes of the four parts; all the same if the unit has one part. */
  readonly luma = new Uint8Array(4);
  chroma = 0;
  readonly #cabac: CabacDecoder;
  readonly #state: PictureState;
  readonly #isPredicted = new Uint8Array(4);
  /** candModeList */
  readonly #likely = new Uint8Array(3);

  constructor(cabac: CabacDecoder, state: PictureState) {
    this.#cabac = cabac;
    this.#state = state;
  }

  /** From prev_intra_luma_pred_flag up to intra_chroma_pred_mode of a coding unit. */
  read(x: number, y: number, size: number, isFour: boolean): void {
    const cabac = this.#cabac;
    const parts = isFour ? 4 : 1;
    const side = isFour ? size >> 1 : size;
    for (let i = 0; i < parts; i += 1) {
      this.#isPredicted[i] = cabac.bin(CONTEXT.intraMode);
    }
    for (let i = 0; i < parts; i += 1) {
      const [left, top] = [x + side * (i & 1), y + side * (i >> 1)];
      this.#findLikely(left, top);
      const mode = this.#isPredicted[i] === 1 ? (this.#likely[this.#likelyIndex()] as number) : this.#rest();
      this.luma[i] = mode;
      this.#state.fillIntraMode(left, top, side, mode);
    }
    if (!isFour) {
      this.luma.fill(this.luma[0] as number);
    }
  }

  /** intra_chroma_pred_mode */
  readChroma(): void {
    const cabac = this.#cabac;
    const luma = this.luma[0] as number;
    const index = cabac.bin(CONTEXT.chromaMode) === 0 ? AS_LUMA : cabac.bypassBits(2);
    const mode = index === AS_LUMA ? luma : (CHROMA_MODES[index] as number);
    this.chroma = index !== AS_LUMA && mode === luma ? ANGULAR_34 : mode;
  }

  /** mpm_idx */
  #likelyIndex(): number {
    return this.#cabac.bypass() === 0 ? 0 : 1 + this.#cabac.bypass();
  }

  /** rem_intra_luma_pred_mode: one of the 32 modes that are not likely. */
  #rest(): number {
    const [a, b, c] = [this.#likely[0] as number, this.#likely[1] as number, this.#likely[2] as number];
    const least = Math.min(a, b, c);
    const most = Math.max(a, b, c);
    let mode = this.#cabac.bypassBits(5);
    mode += mode >= least ? 1 : 0;
    mode += mode >= a + b + c - least - most ? 1 : 0;
    return mode + (mode >= most ? 1 : 0);
  }

  #findLikely(x: number, y: number): void {
    const state = this.#state;
    const a = state.intraModeAt(x - 1, y);
    // The mode above is not kept beyond the coding tree unit.
    const isInUnit = (y - 1) >> state.unitBits === state.unitY;
    const b = isInUnit ? state.intraModeAt(x, y - 1) : INTRA_DC;
    const likely = this.#likely;
    if (a !== b) {
      likely[0] = a;
      likely[1] = b;
      likely[2] = a !== PLANAR && b !== PLANAR ? PLANAR : a !== INTRA_DC && b !== INTRA_DC ? INTRA_DC : VERTICAL;
    } else if (a < 2) {
      likely[0] = PLANAR;
      likely[1] = INTRA_DC;
      likely[2] = VERTICAL;
    } else {
      likely[0] = a;
      likely[1] = 2 + ((a + 29) % 32);
      likely[2] = 2 + ((a - 2 + 1) % 32);
    }
  }
}
