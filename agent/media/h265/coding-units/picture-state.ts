import type { H265Sps } from '../params.ts';
import type { SliceSyntax } from '../vui.ts';
import type { UnitOrder } from './unit-order.ts';

/** Log2 of the side of the blocks for which motion and intra modes are kept. */
const PART_BITS = 2;
/** INTRA_DC, which stands for whatever is not predicted from its neighbours. */
export const INTRA_DC = 1;

/** What is known of the current picture so far: motion and modes of 4x4 pixels; depth, skip and quantiser of the smallest coding blocks. */
export class PictureState {
  readonly width: number;
  readonly height: number;
  readonly unitBits: number;
  readonly minBlockBits: number;
  /** Blocks of 4x4 pixels in a row. */
  readonly partColumns: number;
  readonly blockColumns: number;
  readonly unitColumns: number;
  readonly unitRows: number;
  /** refIdxL0 + 1 and 256 × (refIdxL1 + 1); 0: not decoded yet, or intra. */
  readonly references: Uint16Array;
  /** 2^16 × vertical + horizontal vector; 0 without one. */
  readonly vectors0: Int32Array;
  readonly vectors1: Int32Array;
  readonly intraModes: Uint8Array;
  readonly depths: Uint8Array;
  readonly skips: Uint8Array;
  readonly qps: Int8Array;
  /** SliceAddrRs of each coding tree unit; -1: not decoded yet. */
  readonly slices: Int32Array;
  // Position of the current coding tree unit, and which units around it may be referred to.
  unitX = 0;
  unitY = 0;
  hasLeft = false;
  hasUp = false;
  hasUpLeft = false;
  hasUpRight = false;

  constructor(sps: H265Sps, slices: SliceSyntax) {
    const { width, height } = sps.coded;
    this.width = width;
    this.height = height;
    this.unitBits = slices.treeUnitBits;
    this.minBlockBits = slices.minBlockBits;
    // Whole coding tree units, so that no block has to be cut.
    this.unitColumns = Math.ceil(width / 2 ** this.unitBits);
    this.unitRows = Math.ceil(height / 2 ** this.unitBits);
    this.partColumns = this.unitColumns << (this.unitBits - PART_BITS);
    this.blockColumns = this.unitColumns << (this.unitBits - this.minBlockBits);
    const parts = this.partColumns * (this.unitRows << (this.unitBits - PART_BITS));
    const blocks = this.blockColumns * (this.unitRows << (this.unitBits - this.minBlockBits));
    this.references = new Uint16Array(parts);
    this.vectors0 = new Int32Array(parts);
    this.vectors1 = new Int32Array(parts);
    this.intraModes = new Uint8Array(parts);
    this.depths = new Uint8Array(blocks);
    this.skips = new Uint8Array(blocks);
    this.qps = new Int8Array(blocks);
    this.slices = new Int32Array(this.unitColumns * this.unitRows);
  }

  begin(): void {
    this.references.fill(0);
    this.slices.fill(-1);
  }

  /** @param address of the unit in the picture, `slice` that of the first unit of its slice */
  beginUnit(address: number, slice: number, order: UnitOrder): void {
    const x = address % this.unitColumns;
    const y = (address - x) / this.unitColumns;
    this.unitX = x;
    this.unitY = y;
    this.slices[address] = slice;
    const up = address - this.unitColumns;
    this.hasLeft = x > 0 && this.#belongs(address - 1, address, slice, order);
    this.hasUp = y > 0 && this.#belongs(up, address, slice, order);
    this.hasUpLeft = x > 0 && y > 0 && this.#belongs(up - 1, address, slice, order);
    this.hasUpRight = y > 0 && x + 1 < this.unitColumns && this.#belongs(up + 1, address, slice, order);
  }

  #belongs(other: number, address: number, slice: number, order: UnitOrder): boolean {
    return this.slices[other] === slice && order.tiles[other] === order.tiles[address];
  }

  /**
   * Whether a pixel that is decoded already belongs to the current slice and tile: H.265 §6.4.1 without the order of decoding.
   * Pixels to the right of or below the current unit do not.
   */
  isUsable(x: number, y: number): boolean {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) {
      return false;
    }
    const right = (x >> this.unitBits) - this.unitX;
    const down = (y >> this.unitBits) - this.unitY;
    if (down === 0) {
      return right === 0 || (right === -1 && this.hasLeft);
    }
    if (down !== -1) {
      return false;
    }
    return right === 0 ? this.hasUp : right === 1 ? this.hasUpRight : right === -1 && this.hasUpLeft;
  }

  partAt(x: number, y: number): number {
    return (y >> PART_BITS) * this.partColumns + (x >> PART_BITS);
  }

  blockAt(x: number, y: number): number {
    return (y >> this.minBlockBits) * this.blockColumns + (x >> this.minBlockBits);
  }

  fillIntraMode(x: number, y: number, size: number, mode: number): void {
    const parts = size >> PART_BITS;
    for (let at = this.partAt(x, y), row = 0; row < parts; row += 1, at += this.partColumns) {
      this.intraModes.fill(mode, at, at + parts);
    }
  }

  /** Fills the values of a coding block of `size` pixels. */
  fillBlock(values: Uint8Array | Int8Array, x: number, y: number, size: number, value: number): void {
    const blocks = size >> this.minBlockBits;
    for (let at = this.blockAt(x, y), row = 0; row < blocks; row += 1, at += this.blockColumns) {
      values.fill(value, at, at + blocks);
    }
  }

  fillMotion(x: number, y: number, width: number, height: number, references: number, v0: number, v1: number): void {
    const columns = width >> PART_BITS;
    const rows = height >> PART_BITS;
    for (let at = this.partAt(x, y), row = 0; row < rows; row += 1, at += this.partColumns) {
      this.references.fill(references, at, at + columns);
      this.vectors0.fill(v0, at, at + columns);
      this.vectors1.fill(v1, at, at + columns);
    }
  }

  /** candIntraPredModeX of the block that covers a pixel, H.265 §8.4.2. */
  intraModeAt(x: number, y: number): number {
    return this.isUsable(x, y) ? (this.intraModes[this.partAt(x, y)] as number) : INTRA_DC;
  }
}
