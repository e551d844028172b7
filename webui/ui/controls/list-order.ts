export function movedTo<T>(items: readonly T[], from: number, to: number): readonly T[] {
  const rest = items.filter((_, i) => i !== from);
  const item = items[from];
  return item === undefined ? items : [...rest.slice(0, to), item, ...rest.slice(to)];
}

/**
 * The new index of an item dragged by `px`: it passes items whose middle its edge has crossed.
 *
 * @param heights of all items
 */
export function placeOf(heights: readonly number[], from: number, byPx: number): number {
  let to = from;
  let left = Math.abs(byPx);
  const step = Math.sign(byPx);
  for (let next = from + step; step !== 0; next += step) {
    const height = heights[next];
    if (height === undefined || left < height / 2) {
      break;
    }
    left -= height;
    to = next;
  }
  return to;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The item below a point; gaps belong to none. */
export function boxAt(boxes: readonly Box[], { x, y }: { readonly x: number; readonly y: number }): number | undefined {
  const at = boxes.findIndex((box) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height);
  return at < 0 ? undefined : at;
}

/** How far item `i` makes room, in heights of the dragged one. */
export function roomFor(i: number, from: number, to: number): -1 | 0 | 1 {
  if (i > from && i <= to) {
    return -1;
  }
  return i < from && i >= to ? 1 : 0;
}

/** All items, with `some` of them in another order at the places that these have. */
export function reordered<T>(all: readonly T[], some: readonly T[]): readonly T[] {
  const next = [...some];
  return all.map((item) => (some.includes(item) ? (next.shift() ?? item) : item));
}

/** In the owner's order; cameras without a place follow. */
export function inOrder<T extends { readonly name: string }>(
  items: readonly T[],
  order: readonly string[],
): readonly T[] {
  const place = (name: string) => {
    const at = order.indexOf(name);
    return at < 0 ? order.length : at;
  };
  return [...items].sort((a, b) => place(a.name) - place(b.name));
}
