/** The list with one of its items elsewhere. */
export function movedTo<T>(items: readonly T[], from: number, to: number): readonly T[] {
  const rest = items.filter((_, i) => i !== from);
  const item = items[from];
  return item === undefined ? items : [...rest.slice(0, to), item, ...rest.slice(to)];
}

/**
 * Where an item of a list belongs that is dragged by so many pixels: it has gone past all whose middle its edge has passed.
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

/** How far the item at `i` makes room for the dragged one, in its heights. */
export function roomFor(i: number, from: number, to: number): -1 | 0 | 1 {
  if (i > from && i <= to) {
    return -1;
  }
  return i < from && i >= to ? 1 : 0;
}

/** As their owner has put them; those that he has not are behind, as they were. */
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
