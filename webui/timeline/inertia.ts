/** A flick rolls on and is slowed down; after this long a third of its speed is left. */
const SLOWING_MS = 325;
/** Pixels per millisecond: slower is standing. */
const STANDING = 0.02;
/** Only what the finger did last counts. */
const MEMORY_MS = 80;

/** How fast a finger is, from where it was in the last moments. */
export class VelocityTracker {
  #points: { readonly atMs: number; readonly px: number }[] = [];

  add(atMs: number, px: number): void {
    this.#points = this.#points.filter((point) => atMs - point.atMs <= MEMORY_MS);
    this.#points.push({ atMs, px });
  }

  /** Pixels per millisecond when it is lifted; 0 when it rested before. */
  at(liftedMs: number): number {
    const [first] = this.#points;
    const last = this.#points.at(-1);
    if (!first || !last || last.atMs === first.atMs || liftedMs - last.atMs > MEMORY_MS) {
      return 0;
    }
    return (last.px - first.px) / (last.atMs - first.atMs);
  }
}

/** How far it has rolled since it was let go, and whether it goes on. */
export function inertiaAt(speed: number, sinceMs: number): { readonly px: number; readonly isOver: boolean } {
  const left = Math.exp(-sinceMs / SLOWING_MS);
  return { px: speed * SLOWING_MS * (1 - left), isOver: Math.abs(speed) * left < STANDING };
}
