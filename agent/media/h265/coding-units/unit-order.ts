import type { H265PpsSlices } from '../params.ts';

/** Coding tree units in the order of the stream, which differs from that of the picture with tiles: H.265 §6.5.1. */
export class UnitOrder {
  readonly columns: number;
  readonly rows: number;
  /** By address in the stream, and the other way round. */
  readonly toRaster: Uint32Array;
  readonly toStream: Uint32Array;
  /** By address in the picture. */
  readonly tiles: Uint16Array;
  /** The first column of the tile that a column belongs to. */
  readonly tileStarts: Uint16Array;

  constructor(columns: number, rows: number, pps: H265PpsSlices) {
    this.columns = columns;
    this.rows = rows;
    this.toRaster = new Uint32Array(columns * rows);
    this.toStream = new Uint32Array(columns * rows);
    this.tiles = new Uint16Array(columns * rows);
    this.tileStarts = new Uint16Array(columns);
    const xs = boundaries(columns, pps.tiles?.columns ?? 1, pps.tiles?.widths ?? []);
    const ys = boundaries(rows, pps.tiles?.rows ?? 1, pps.tiles?.heights ?? []);
    let next = 0;
    for (let tile = 0; tile < (xs.length - 1) * (ys.length - 1); tile += 1) {
      const [i, j] = [tile % (xs.length - 1), Math.floor(tile / (xs.length - 1))];
      this.tileStarts.fill(xs[i] ?? 0, xs[i], xs[i + 1]);
      for (let y = ys[j] ?? 0; y < (ys[j + 1] ?? 0); y += 1) {
        for (let x = xs[i] ?? 0; x < (xs[i + 1] ?? 0); x += 1) {
          this.toRaster[next] = y * columns + x;
          this.toStream[y * columns + x] = next;
          this.tiles[y * columns + x] = tile;
          next += 1;
        }
      }
    }
  }
}

/** Where each of `count` tiles begins, and the end of the last one. */
function boundaries(units: number, count: number, sizes: readonly number[]): number[] {
  const starts = [0];
  for (let i = 1; i < count; i += 1) {
    const size = sizes[i - 1];
    const start = size === undefined ? Math.floor((i * units) / count) : (starts[i - 1] ?? 0) + size;
    starts.push(Math.min(start, units));
  }
  starts.push(units);
  return starts;
}
