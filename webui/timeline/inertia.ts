/** Time constant: the speed falls to 1/e. */
const SLOWING_MS = 325;
/** Pixels per millisecond; slower counts as rest. */
const STANDING = 0.02;
/** Only recent movement counts. */
const MEMORY_MS = 80;

/** Speed of a finger from its recent positions. */
export class VelocityTracker {
  #points: { readonly atMs: number; readonly px: number }[] = [];

  add(atMs: number, px: number): void {
    this.#points = this.#points.filter((point) => atMs - point.atMs <= MEMORY_MS);
    this.#points.push({ atMs, px });
  }

  /** Pixels per millisecond at release; 0 if it rested before. */
  at(liftedMs: number): number {
    const [first] = this.#points;
    const last = this.#points.at(-1);
    if (!first || !last || last.atMs === first.atMs || liftedMs - last.atMs > MEMORY_MS) {
      return 0;
    }
    return (last.px - first.px) / (last.atMs - first.atMs);
  }
}

/** Distance since the release, and whether it continues. */
export function inertiaAt(speed: number, sinceMs: number): { readonly px: number; readonly isOver: boolean } {
  const left = Math.exp(-sinceMs / SLOWING_MS);
  return { px: speed * SLOWING_MS * (1 - left), isOver: Math.abs(speed) * left < STANDING };
}
