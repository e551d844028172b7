/** Choice for the grid; `auto` depends on the number of cameras. */
export type Arrangement = 'auto' | '1' | '4' | '9';
export const ARRANGEMENTS: readonly Arrangement[] = ['auto', '1', '4', '9'];

export interface Layout {
  readonly columns: number;
  /** Rows that fill the window, or undefined if tiles keep their shape and the window scrolls. */
  readonly rows: number | undefined;
  /** The first tiles, which have the size of four. */
  readonly large: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Aspect ratio of pictures and tiles. */
const SHAPE = 16 / 9;

/** The grid of a wide window. @param isUpright it is higher than wide @param hasGroups with headings the window scrolls */
export function wideLayout(count: number, arrangement: Arrangement, isUpright = false, hasGroups = false): Layout {
  const whole = ungroupedLayout(count, arrangement, isUpright);
  return hasGroups ? { columns: whole.columns, rows: undefined, large: 0 } : whole;
}

/** Large tiles by the number of cameras: with them the grid has the shape of the window, and at most two places are free. */
const LARGE: Readonly<Record<number, number>> = { 5: 1, 6: 1, 7: 3, 10: 2, 11: 1, 12: 1, 13: 1 };

function ungroupedLayout(count: number, arrangement: Arrangement, isUpright: boolean): Layout {
  if (arrangement !== 'auto') {
    const side = Math.sqrt(Number(arrangement));
    return { columns: side, rows: side, large: 0 };
  }
  if (isUpright) {
    return uprightLayout(count);
  }
  if (count <= 2) {
    return { columns: Math.max(1, count), rows: 1, large: 0 };
  }
  if (count <= 4) {
    return { columns: 2, rows: 2, large: 0 };
  }
  const large = LARGE[count] ?? 0;
  if (count <= 9 && large <= 1) {
    return { columns: 3, rows: 3, large };
  }
  const rows = count <= 16 ? Math.ceil((count + 3 * large) / 4) : undefined;
  return { columns: 4, rows, large };
}

/** For upright windows. One column of up to four tiles, or two columns of up to six rows, fill a tablet of 3:4. */
function uprightLayout(count: number): Layout {
  if (count <= 4) {
    return { columns: 1, rows: Math.max(1, count), large: 0 };
  }
  const large = count >= 5 && count <= 7 ? 1 : 0;
  return { columns: 2, rows: count <= 12 ? Math.ceil((count + 3 * large) / 2) : undefined, large };
}

/** Phones. `full`: one column; `one`, `two`: one or two wide tiles, then rows of two. */
type NarrowLayout = 'full' | 'one' | 'two' | 'pairs' | 'threes';

export function narrowLayout(count: number, arrangement: Arrangement, hasGroups = false): NarrowLayout {
  if (arrangement !== 'auto') {
    return ({ 1: 'full', 4: 'pairs', 9: 'threes' } as const)[arrangement];
  }
  if (count <= 3 || hasGroups) {
    return count <= 3 ? 'full' : 'pairs';
  }
  return count % 2 === 1 ? 'one' : count <= 6 ? 'two' : 'pairs';
}

/** The window is filled if little is cropped; otherwise tiles keep the picture's shape. */
export function tileSize(room: Size, { columns, rows }: Layout, gapPx: number): Size {
  const width = (room.width - (columns - 1) * gapPx) / columns;
  if (rows === undefined) {
    return { width, height: width / SHAPE };
  }
  const height = (room.height - (rows - 1) * gapPx) / rows;
  const shape = width / height / SHAPE;
  // Largest share of a picture that may be cropped to fill the window.
  if (Math.min(shape, 1 / shape) >= 1 - 0.1) {
    return { width, height };
  }
  return shape > 1 ? { width: height * SHAPE, height } : { width, height: width / SHAPE };
}
