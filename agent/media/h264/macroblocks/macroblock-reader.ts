import { PerchError } from '../../../base/errors.ts';
import { SLICE_TYPE, type SliceType } from '../../payload/slice-reader.ts';
import type { H264SliceReader } from '../slice-reader.ts';
import type { DirectPredictor } from './direct.ts';
import {
  B_INTER_TYPES,
  B_SUB_TYPES,
  B_TYPES,
  CATEGORY,
  I_NXN,
  I_PCM,
  LIST,
  type MacroblockSyntax,
  P_INTER_TYPES,
  P_SUB_TYPES,
  P_TYPES,
} from './macroblock-types.ts';
import { MB, type PictureState, SHAPE } from './picture-state.ts';
import type { VectorPredictor } from './vectors.ts';

const QPS = 52;
const ALL_QUARTERS = 0xf;
const PCM_PATTERN = 0x2f;

/** Reads macroblocks, H.264 §7.3.5: kinds, vectors, patterns and quantisers go to the state, residuals are skipped. */
export class MacroblockReader {
  readonly #state: PictureState;
  readonly #vectors: VectorPredictor;
  readonly #direct: DirectPredictor;
  #syntax: MacroblockSyntax;
  // Fields of the current slice.
  #type: SliceType = SLICE_TYPE.i;
  #listEntries: readonly number[] = [];
  #hasTransform8x8 = false;
  #infersDirect8x8 = false;
  /** QP of the last macroblock; at the start of a slice, that of the slice. */
  #qp = 0;
  // The current macroblock: references of its parts or quarters (list × 4 + quarter), and sub-macroblock types with their lists.
  readonly #refs = new Int8Array(8);
  readonly #subTypes = new Uint8Array(4);

  constructor(state: PictureState, vectors: VectorPredictor, direct: DirectPredictor, syntax: MacroblockSyntax) {
    this.#state = state;
    this.#vectors = vectors;
    this.#direct = direct;
    this.#syntax = syntax;
  }

  begin(syntax: MacroblockSyntax, slice: H264SliceReader): void {
    this.#syntax = syntax;
    this.#type = slice.type;
    this.#listEntries = slice.listEntries;
    this.#hasTransform8x8 = slice.syntax?.hasTransform8x8 === true;
    this.#infersDirect8x8 = slice.sps.infersDirect8x8;
    this.#qp = slice.qp;
  }

  /** Reads the macroblock to which the state has moved. */
  read(): void {
    const state = this.#state;
    const type = this.#type;
    if (type !== SLICE_TYPE.i && this.#syntax.isSkipped(type === SLICE_TYPE.b)) {
      this.#skip();
    } else {
      this.#readCoded();
    }
    state.qps[state.mb] = this.#qp;
  }

  #skip(): void {
    const { kinds, mb } = this.#state;
    if (this.#type === SLICE_TYPE.p) {
      kinds[mb] = MB.skipped;
      this.#vectors.predictSkipped();
      this.#vectors.fill(0, 0, 0, 0, 4, 4);
    } else {
      kinds[mb] = MB.skipped | MB.direct;
      this.#direct.fill(ALL_QUARTERS);
    }
  }

  #readCoded(): void {
    const type = this.#type;
    const number = this.#syntax.typeOf(type);
    const inter = type === SLICE_TYPE.i ? 0 : type === SLICE_TYPE.p ? P_INTER_TYPES : B_INTER_TYPES;
    if (number >= inter) {
      this.#readIntra(number - inter);
    } else {
      this.#readInter((type === SLICE_TYPE.p ? P_TYPES : B_TYPES)[number] as number);
    }
  }

  #readIntra(type: number): void {
    const state = this.#state;
    const syntax = this.#syntax;
    const { kinds, patterns, mb } = state;
    if (type > I_PCM) {
      throw new PerchError('badInput', `mb_type of an intra macroblock is ${type}, at most ${I_PCM} allowed`);
    }
    if (type === I_PCM) {
      kinds[mb] = MB.intra | MB.pcm;
      patterns[mb] = PCM_PATTERN;
      syntax.skipPcm();
      return;
    }
    if (type === I_NXN) {
      kinds[mb] = MB.intra;
      const isLarge = this.#hasTransform8x8 && syntax.transform8x8();
      kinds[mb] = MB.intra | (isLarge ? MB.transform8x8 : 0);
      for (let i = isLarge ? 4 : 16; i > 0; i -= 1) {
        syntax.intraMode();
      }
      syntax.chromaMode();
      patterns[mb] = syntax.pattern(true);
    } else {
      kinds[mb] = MB.intra | MB.intra16x16;
      syntax.chromaMode();
      // mb_type holds the prediction mode, the chroma pattern and whether luma has AC levels, table 7-11.
      patterns[mb] = ((((type - 1) >> 2) % 3) << 4) | (type > 12 ? 0x0f : 0);
    }
    this.#readResidual();
  }

  /** @param type one of `P_TYPES` or `B_TYPES`; 0: direct */
  #readInter(type: number): void {
    const { kinds, patterns, mb } = this.#state;
    const shape = type & MB.shape;
    let allows8x8 = true;
    if (type === 0) {
      kinds[mb] = MB.direct;
      this.#direct.fill(ALL_QUARTERS);
      allows8x8 = this.#infersDirect8x8;
    } else if (shape === SHAPE.quarters) {
      kinds[mb] = SHAPE.quarters;
      allows8x8 = this.#readQuarters((type & LIST.both) === 0);
    } else {
      kinds[mb] = shape;
      this.#readParts(shape, type & 3, (type >> 2) & 3);
    }
    const pattern = this.#syntax.pattern(false);
    patterns[mb] = pattern;
    if ((pattern & 0x0f) !== 0 && allows8x8 && this.#hasTransform8x8 && this.#syntax.transform8x8()) {
      kinds[mb] = (kinds[mb] as number) | MB.transform8x8;
    }
    this.#readResidual();
  }

  /** Reads the parts of a 16x16, 16x8 or 8x16 macroblock. */
  #readParts(shape: number, first: number, second: number): void {
    const width = shape === SHAPE.columns ? 2 : 4;
    const height = shape === SHAPE.rows ? 2 : 4;
    const x = shape === SHAPE.columns ? 2 : 0;
    const y = shape === SHAPE.rows ? 2 : 0;
    const parts = shape === SHAPE.whole ? 1 : 2;
    for (let list = 0; list < 2; list += 1) {
      for (let part = 0; part < parts; part += 1) {
        if ((((part === 0 ? first : second) >> list) & 1) === 1) {
          this.#refs[4 * list + part] = this.#readRef(list, part * x, part * y, width, height);
        }
      }
    }
    for (let list = 0; list < 2; list += 1) {
      for (let part = 0; part < parts; part += 1) {
        if ((((part === 0 ? first : second) >> list) & 1) === 1) {
          this.#readVector(list, this.#refs[4 * list + part] as number, part * x, part * y, width, height, shape);
        }
      }
    }
  }

  /** Reads the quarters of P_8x8, P_8x8ref0 (without `hasRefs`) and B_8x8. @returns whether transform_size_8x8_flag may follow */
  #readQuarters(hasRefs: boolean): boolean {
    const isB = this.#type === SLICE_TYPE.b;
    const types = isB ? B_SUB_TYPES : P_SUB_TYPES;
    let direct = 0;
    let allows8x8 = true;
    for (let quarter = 0; quarter < 4; quarter += 1) {
      const number = this.#syntax.subType(isB);
      const type = types[number];
      if (type === undefined) {
        throw new PerchError('badInput', `sub_mb_type is ${number}, at most ${types.length - 1} allowed`);
      }
      this.#subTypes[quarter] = type;
      direct |= type === 0 ? 1 << quarter : 0;
      // All parts have to be 2x2 blocks.
      allows8x8 &&= type === 0 ? this.#infersDirect8x8 : type >> 2 === (2 | (2 << 2));
    }
    if (direct !== 0) {
      this.#direct.fill(direct);
    }
    for (let list = 0; list < 2; list += 1) {
      for (let quarter = 0; quarter < 4; quarter += 1) {
        if ((((this.#subTypes[quarter] as number) >> list) & 1) === 1) {
          this.#refs[4 * list + quarter] = hasRefs ? this.#readRef(list, 2 * (quarter & 1), quarter & 2, 2, 2) : 0;
        }
      }
    }
    for (let list = 0; list < 2; list += 1) {
      for (let quarter = 0; quarter < 4; quarter += 1) {
        const type = this.#subTypes[quarter] as number;
        if (((type >> list) & 1) === 1) {
          this.#readQuarter(list, quarter, type);
        }
      }
    }
    return allows8x8;
  }

  #readQuarter(list: number, quarter: number, type: number): void {
    const width = (type >> 2) & 3;
    const height = type >> 4;
    const left = 2 * (quarter & 1);
    const top = quarter & 2;
    const ref = this.#refs[4 * list + quarter] as number;
    for (let y = top; y < top + 2; y += height) {
      for (let x = left; x < left + 2; x += width) {
        this.#readVector(list, ref, x, y, width, height, SHAPE.quarters);
      }
    }
  }

  #readRef(list: number, x: number, y: number, width: number, height: number): number {
    const entries = this.#listEntries[list] as number;
    return entries > 1 ? this.#syntax.ref(list, x, y, width, height, entries) : 0;
  }

  #readVector(list: number, ref: number, x: number, y: number, width: number, height: number, shape: number): void {
    const vectors = this.#vectors;
    vectors.predict(list, ref, x, y, width, shape);
    vectors.x += this.#syntax.difference(list, 0, x, y, width, height);
    vectors.y += this.#syntax.difference(list, 1, x, y, width, height);
    vectors.fill(list, ref, x, y, width, height);
  }

  /** mb_qp_delta and residual, §7.3.5.3. */
  #readResidual(): void {
    const { kinds, patterns, mb } = this.#state;
    const syntax = this.#syntax;
    const kind = kinds[mb] as number;
    const pattern = patterns[mb] as number;
    const is16x16 = (kind & MB.intra16x16) !== 0;
    if (pattern === 0 && !is16x16) {
      syntax.noDelta();
      return;
    }
    this.#qp = (((this.#qp + syntax.qpDelta()) % QPS) + QPS) % QPS;
    if (is16x16) {
      syntax.lumaBlock(CATEGORY.dc, 0, 0);
    }
    const category = is16x16 ? CATEGORY.ac : CATEGORY.luma;
    for (let quarter = 0; quarter < 4; quarter += 1) {
      if (((pattern >> quarter) & 1) === 0) {
        continue;
      }
      const x = 2 * (quarter & 1);
      const y = quarter & 2;
      if ((kind & MB.transform8x8) !== 0) {
        syntax.luma8x8(x, y);
      } else {
        syntax.lumaBlock(category, x, y);
        syntax.lumaBlock(category, x + 1, y);
        syntax.lumaBlock(category, x, y + 1);
        syntax.lumaBlock(category, x + 1, y + 1);
      }
    }
    this.#readChroma(pattern >> 4);
  }

  /** Reads the chroma residual of 4:2:0. */
  #readChroma(pattern: number): void {
    const syntax = this.#syntax;
    if (pattern > 0) {
      syntax.chromaDc(0);
      syntax.chromaDc(1);
    }
    for (let block = 0; pattern === 2 && block < 8; block += 1) {
      syntax.chromaAc(block >> 2, block & 1, (block >> 1) & 1);
    }
  }
}
