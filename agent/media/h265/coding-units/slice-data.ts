import { CabacDecoder } from '../../payload/cabac-decoder.ts';
import { SLICE_TYPE } from '../../payload/slice-reader.ts';
import type { H265PpsSlices, H265Sps } from '../params.ts';
import type { H265SliceReader } from '../slice-reader.ts';
import type { SliceSyntax } from '../vui.ts';
import { CodingTree } from './coding-tree.ts';
import { CONTEXT, CONTEXTS, resetContexts } from './contexts.ts';
import type { FieldWriter } from './field-writer.ts';
import type { PictureState } from './picture-state.ts';
import type { ReferencePictures } from './reference-pictures.ts';
import type { UnitOrder } from './unit-order.ts';

const BAND = 1;
const EDGE = 2;

/** Slice segment data, H.265 §7.3.8.1 to §7.3.8.3. */
export class SliceData {
  /** Coding tree units of the current picture that were read. */
  units = 0;
  readonly #cabac = new CabacDecoder(CONTEXTS);
  readonly #state: PictureState;
  readonly #tree: CodingTree;
  readonly #bitDepthLuma: number;
  readonly #bitDepthChroma: number;
  readonly #unitBits: number;
  /** Contexts after the second unit of a row, for the row below; and after a slice segment, for a dependent one. */
  readonly #rowStates = new Uint8Array(CONTEXTS);
  readonly #segmentStates = new Uint8Array(CONTEXTS);
  /** SliceAddrRs; -1: the slice of a dependent segment is lost. */
  #slice = -1;
  /** Address, in the order of the stream, of the unit after the last segment. */
  #next = 0;

  constructor(state: PictureState, pictures: ReferencePictures, field: FieldWriter, sps: H265Sps) {
    this.#state = state;
    this.#tree = new CodingTree(this.#cabac, state, pictures, field, sps);
    this.#bitDepthLuma = sps.bitDepthLuma;
    this.#bitDepthChroma = sps.bitDepthChroma;
    this.#unitBits = (sps.slices as SliceSyntax).treeUnitBits;
  }

  beginPicture(): void {
    this.units = 0;
    this.#slice = -1;
    this.#next = 0;
  }

  /**
   * @param header of the segment, `data[at, end)` its data without emulation prevention
   * @returns whether the segment ended at the end of its data @throws PerchError if it is damaged
   */
  read(
    header: H265SliceReader,
    pps: H265PpsSlices,
    order: UnitOrder,
    data: Uint8Array,
    at: number,
    end: number,
  ): boolean {
    const cabac = this.#cabac;
    const first = header.firstUnit;
    if (first >= order.toStream.length) {
      return false;
    }
    let unit = order.toStream[first] as number;
    if (header.isDependent) {
      if (this.#slice < 0 || unit !== this.#next) {
        return false;
      }
    } else {
      this.#slice = first;
    }
    const slice = this.#slice;
    // Until this segment has ended as it should, none can depend on it.
    this.#slice = -1;
    cabac.begin(data, at, end);
    this.#tree.beginSlice(header, pps);
    if (!header.isDependent) {
      this.#tree.resetQuantizer();
    }
    for (let isFirst = true; ; isFirst = false) {
      const address = order.toRaster[unit] as number;
      this.#state.beginUnit(address, slice, order);
      this.#beginContexts(header, pps, order, unit, isFirst);
      this.#readUnit(header);
      this.units += 1;
      const column = address % order.columns;
      if (pps.hasSubstreams && column === (order.tileStarts[column] as number) + 1) {
        this.#rowStates.set(cabac.states);
      }
      unit += 1;
      if (cabac.isPastEnd) {
        return false;
      }
      if (cabac.terminate() === 1) {
        break;
      }
      if (unit === order.toRaster.length) {
        return false;
      }
      if (this.#beginsSubstream(pps, order, unit)) {
        if (cabac.terminate() === 0) {
          return false;
        }
        cabac.restart(0);
      }
    }
    this.#segmentStates.set(cabac.states);
    this.#slice = slice;
    this.#next = unit;
    return cabac.isAtEnd;
  }

  #beginsTile(order: UnitOrder, unit: number): boolean {
    const { tiles, toRaster } = order;
    return unit === 0 || tiles[toRaster[unit] as number] !== tiles[toRaster[unit - 1] as number];
  }

  /** Whether a unit is the first of a row in its tile. */
  #beginsRow(order: UnitOrder, unit: number): boolean {
    const column = (order.toRaster[unit] as number) % order.columns;
    return column === order.tileStarts[column];
  }

  #beginsSubstream(pps: H265PpsSlices, order: UnitOrder, unit: number): boolean {
    return this.#beginsTile(order, unit) || (pps.hasSubstreams && this.#beginsRow(order, unit));
  }

  /** H.265 §9.3.1 */
  #beginContexts(header: H265SliceReader, pps: H265PpsSlices, order: UnitOrder, unit: number, isFirst: boolean): void {
    const { states } = this.#cabac;
    const beginsTile = this.#beginsTile(order, unit);
    const beginsRow = pps.hasSubstreams && this.#beginsRow(order, unit);
    if (!isFirst && !beginsTile && !beginsRow) {
      return;
    }
    if (beginsTile || beginsRow) {
      this.#tree.resetQuantizer();
    }
    if (!beginsTile && beginsRow && this.#state.hasUpRight) {
      states.set(this.#rowStates);
    } else if (!beginsTile && !beginsRow && header.isDependent) {
      states.set(this.#segmentStates);
    } else {
      resetContexts(states, initType(header), header.qp);
    }
  }

  #readUnit(header: H265SliceReader): void {
    if (header.hasLumaOffset || header.hasChromaOffset) {
      this.#skipOffsets(header);
    }
    const { unitX, unitY } = this.#state;
    this.#tree.read(unitX << this.#unitBits, unitY << this.#unitBits, this.#unitBits, 0);
  }

  /** sao() */
  #skipOffsets(header: H265SliceReader): void {
    const cabac = this.#cabac;
    const { hasLeft, hasUp } = this.#state;
    if (hasLeft && cabac.bin(CONTEXT.saoMerge) === 1) {
      return;
    }
    if (hasUp && cabac.bin(CONTEXT.saoMerge) === 1) {
      return;
    }
    if (header.hasLumaOffset) {
      this.#skipOffset(this.#offsetType(), this.#bitDepthLuma, true);
    }
    if (header.hasChromaOffset) {
      const type = this.#offsetType();
      this.#skipOffset(type, this.#bitDepthChroma, true);
      this.#skipOffset(type, this.#bitDepthChroma, false);
    }
  }

  #offsetType(): number {
    return this.#cabac.bin(CONTEXT.saoType) === 0 ? 0 : this.#cabac.bypass() === 0 ? BAND : EDGE;
  }

  /** @param hasClass sao_eo_class follows: Cr has that of Cb */
  #skipOffset(type: number, bitDepth: number, hasClass: boolean): void {
    const cabac = this.#cabac;
    if (type === 0) {
      return;
    }
    const most = (1 << (Math.min(bitDepth, 10) - 5)) - 1;
    let signs = 0;
    for (let i = 0; i < 4; i += 1) {
      let size = 0;
      while (size < most && cabac.bypass() === 1) {
        size += 1;
      }
      signs += size > 0 ? 1 : 0;
    }
    if (type === BAND) {
      cabac.bypassBits(signs);
      cabac.bypassBits(5); // sao_band_position
    } else if (hasClass) {
      cabac.bypassBits(2);
    }
  }
}

function initType({ type, cabacInitFlag }: H265SliceReader): number {
  if (type === SLICE_TYPE.i) {
    return 0;
  }
  return (type === SLICE_TYPE.p) === cabacInitFlag ? 2 : 1;
}
