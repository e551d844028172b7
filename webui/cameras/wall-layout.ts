import { type Layout, type Size, tileSize } from './layout.ts';

/** All at once and as large as they can be, whatever shape the window has. */
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
