/** Moves the focus to the next tile in the direction of an arrow key, if there is one. */
export function focusNeighbour(grid: HTMLElement, key: string): void {
  const tiles = [...grid.querySelectorAll<HTMLElement>('.tile')];
  // Keys in quick succession are handled one after the other.
  const from = tiles.find((tile) => tile === document.activeElement);
  if (from) {
    neighbour(tiles, from, key)?.focus();
  }
}

/** The tile whose centre is nearest in a direction. */
function neighbour(tiles: readonly HTMLElement[], from: HTMLElement, key: string): HTMLElement | undefined {
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
  if (!way) {
    return undefined;
  }
  const [dx = 0, dy = 0] = way;
  const here = middleOf(from);
  const reach = (tile: HTMLElement) => {
    const { x, y } = middleOf(tile);
    const along = (x - here.x) * dx + (y - here.y) * dy;
    const across = Math.abs((x - here.x) * dy) + Math.abs((y - here.y) * dx);
    return along > 8 ? along + 2 * across : Number.POSITIVE_INFINITY;
  };
  const [nearest] = tiles.map((tile) => ({ tile, px: reach(tile) })).sort((a, b) => a.px - b.px);
  return nearest && nearest.px < Number.POSITIVE_INFINITY ? nearest.tile : undefined;
}

function middleOf(tile: HTMLElement): { readonly x: number; readonly y: number } {
  const { left, top, width, height } = tile.getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 2 };
}
