import { type Layout, type Size, tileSize } from './layout.ts';
import type { TileSize } from './layouts.ts';

/** No window shows 64 cameras best in more columns. */
const MAX_COLUMNS = 24;

/** Columns and rows of a tile; all of one size are small. */
export function spansOf(sizes: readonly TileSize[]): readonly (1 | 2)[] {
  const isMixed = sizes.includes('small') && sizes.includes('large');
  return sizes.map((size) => (isMixed && size === 'large' ? 2 : 1));
}

/** The layout that shows all tiles without scrolling, as large as possible. @param room size of the window */
export function wallLayout(sizes: readonly TileSize[], room: Size): Layout {
  const spans = spansOf(sizes);
  const cells = spans.reduce<number>((sum, span) => sum + span * span, 0);
  const least = Math.max(1, ...spans);
  let best: Layout = { columns: least, rows: rowsOf(spans, least), large: 0 };
  let bestPx = 0;
  for (let columns = least; columns <= Math.min(cells, MAX_COLUMNS); columns += 1) {
    const layout = { columns, rows: rowsOf(spans, columns), large: 0 };
    const { width, height } = tileSize(room, layout, 0);
    if (width * height >= bestPx) {
      bestPx = width * height;
      best = layout;
    }
  }
  return best;
}

/** Rows that `grid-auto-flow: dense` fills: each tile takes the first gap that is large enough. */
export function rowsOf(spans: readonly number[], columns: number): number {
  const taken = new Set<number>();
  let rows = 1;
  for (const span of spans) {
    const cellsAt = (cell: number) =>
      Array.from({ length: span * span }, (_, i) => cell + Math.floor(i / span) * columns + (i % span));
    let at = 0;
    while ((at % columns) + span > columns || cellsAt(at).some((cell) => taken.has(cell))) {
      at += 1;
    }
    for (const cell of cellsAt(at)) {
      taken.add(cell);
    }
    rows = Math.max(rows, Math.floor(at / columns) + span);
  }
  return rows;
}
