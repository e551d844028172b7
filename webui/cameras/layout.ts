/** Choice for the grid; `auto` depends on the number of cameras. */
export type Arrangement = 'auto' | '1' | '4' | '9';
export const ARRANGEMENTS: readonly Arrangement[] = ['auto', '1', '4', '9'];

export interface Layout {
  readonly columns: number;
  /** Rows that fill the window; undefined: tiles keep their shape and the window scrolls. */
  readonly rows: number | undefined;
  /** The first tile has the size of four. */
  readonly isLed: boolean;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Aspect ratio of pictures and tiles. */
const SHAPE = 16 / 9;
/** Largest share of a picture that may be cropped to fill the window. */
const CROP_LIMIT = 0.1;

export function wideLayout(count: number, arrangement: Arrangement): Layout {
  if (arrangement !== 'auto') {
    const side = Math.sqrt(Number(arrangement));
    return { columns: side, rows: side, isLed: false };
  }
  if (count <= 2) {
    return { columns: Math.max(1, count), rows: 1, isLed: false };
  }
  if (count <= 4) {
    return { columns: 2, rows: 2, isLed: false };
  }
  return count <= 9 ? { columns: 3, rows: 3, isLed: count <= 6 } : { columns: 4, rows: undefined, isLed: false };
}

/** Phones. `full`: one column; `two`: two wide tiles, then pairs. */
type NarrowLayout = 'full' | 'two' | 'pairs' | 'threes';

export function narrowLayout(count: number, arrangement: Arrangement): NarrowLayout {
  if (arrangement !== 'auto') {
    return ({ 1: 'full', 4: 'pairs', 9: 'threes' } as const)[arrangement];
  }
  return count <= 3 ? 'full' : count <= 7 ? 'two' : 'pairs';
}

/** All tiles at once, as large as possible. */
export function wallLayout(count: number, room: Size): Layout {
  let best: Layout = { columns: 1, rows: Math.max(1, count), isLed: false };
  let bestPx = 0;
  for (let columns = 1; columns <= count; columns += 1) {
    const layout = { columns, rows: Math.ceil(count / columns), isLed: false };
    const { width, height } = tileSize(room, layout, 0);
    if (width * height >= bestPx) {
      bestPx = width * height;
      best = layout;
    }
  }
  return best;
}

/** The window is filled if little is cropped; otherwise tiles keep the picture's shape. */
export function tileSize(room: Size, { columns, rows }: Layout, gapPx: number): Size {
  const width = (room.width - (columns - 1) * gapPx) / columns;
  if (rows === undefined) {
    return { width, height: width / SHAPE };
  }
  const height = (room.height - (rows - 1) * gapPx) / rows;
  const shape = width / height / SHAPE;
  if (Math.min(shape, 1 / shape) >= 1 - CROP_LIMIT) {
    return { width, height };
  }
  return shape > 1 ? { width: height * SHAPE, height } : { width, height: width / SHAPE };
}
