/**
 * One 4:2:0 picture, 8 bits, whole macroblocks; the decoder crops it to `width` and `height`.
 * Drawing marks the macroblocks that it changes, so pictures are not compared.
 */
export class Frame {
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
  /** Bytes from one luma line to the next; a chroma line has half of them. */
  readonly stride: number;
  readonly luma: Uint8Array;
  readonly cb: Uint8Array;
  readonly cr: Uint8Array;
  /** One byte per macroblock, 1 = changed since the last `settle`. */
  readonly changed: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.columns = Math.ceil(width / 16);
    this.rows = Math.ceil(height / 16);
    this.stride = this.columns * 16;
    this.luma = new Uint8Array(this.stride * this.rows * 16).fill(16);
    this.cb = new Uint8Array(this.luma.length / 4).fill(128);
    this.cr = new Uint8Array(this.luma.length / 4).fill(128);
    this.changed = new Uint8Array(this.columns * this.rows).fill(1);
  }

  /** A rectangle in one colour, in luma pixels; chroma is set for every 2x2 block that begins inside. */
  fill(left: number, top: number, width: number, height: number, [y, cb, cr]: Colour): void {
    for (let row = top; row < top + height; row += 1) {
      this.luma.fill(y, row * this.stride + left, row * this.stride + left + width);
    }
    const half = this.stride / 2;
    for (let row = top >> 1; row < (top + height) >> 1; row += 1) {
      this.cb.fill(cb, row * half + (left >> 1), row * half + ((left + width) >> 1));
      this.cr.fill(cr, row * half + (left >> 1), row * half + ((left + width) >> 1));
    }
    this.#mark(left, top, width, height);
  }

  /** Repeats a rectangle, in luma pixels and even, of a frame of the same size. */
  copy({ luma, cb, cr }: Frame, left: number, top: number, width: number, height: number): void {
    const { stride } = this;
    copyLines(luma, this.luma, top * stride + left, width, height, stride);
    const at = ((top * stride) / 2 + left) / 2;
    copyLines(cb, this.cb, at, width / 2, height / 2, stride / 2);
    copyLines(cr, this.cr, at, width / 2, height / 2, stride / 2);
    this.#mark(left, top, width, height);
  }

  /** The picture has been encoded: clears the marks. */
  settle(): void {
    this.changed.fill(0);
  }

  #mark(left: number, top: number, width: number, height: number): void {
    for (let row = top >> 4; row <= (top + height - 1) >> 4; row += 1) {
      const start = row * this.columns;
      this.changed.fill(1, start + (left >> 4), start + ((left + width - 1) >> 4) + 1);
    }
  }
}

function copyLines(from: Uint8Array, to: Uint8Array, at: number, width: number, height: number, stride: number): void {
  for (let start = at; start < at + height * stride; start += stride) {
    to.set(from.subarray(start, start + width), start);
  }
}

/** Y, Cb, Cr in video range (16-235, 16-240). */
export type Colour = readonly [y: number, cb: number, cr: number];
