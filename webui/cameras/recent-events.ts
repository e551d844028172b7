import { signal } from '@preact/signals';
import { type EventUpdate, onServerEvent } from '../api-client/server-events.ts';

const RING_MS = 10_000;
const KEPT = 64;

/**
 * What a camera has seen in the last ten seconds. The device's clock may differ from the browser's, and what was missed
 * is told later: the news that came soonest after its event tells how far the clocks are apart.
 */
export class RecentEvents {
  readonly #rings = new Map<string, { readonly type: string; readonly untilMs: number }>();
  readonly #known = new Set<string>();
  #aheadMs = Number.POSITIVE_INFINITY;

  /** @param nowMs by this device's clock, as below */
  take({ id, path, type, start }: EventUpdate, nowMs: number): void {
    const ageMs = nowMs - Date.parse(start);
    // Its end is told as well.
    if (this.#known.has(id) || !Number.isFinite(ageMs)) {
      return;
    }
    this.#remember(id);
    this.#aheadMs = Math.min(this.#aheadMs, ageMs);
    const leftMs = RING_MS - (ageMs - this.#aheadMs);
    if (leftMs > 0) {
      this.#rings.set(path, { type, untilMs: nowMs + leftMs });
    }
  }

  /** The type of what the camera of this path sees now. */
  at(path: string, nowMs: number): string | undefined {
    const ring = this.#rings.get(path);
    return ring && nowMs < ring.untilMs ? ring.type : undefined;
  }

  #remember(id: string): void {
    this.#known.add(id);
    if (this.#known.size > KEPT) {
      const [oldest = ''] = this.#known;
      this.#known.delete(oldest);
    }
  }
}

/** Changes with each event; `nowMs` ends them. */
export const recentEvents = signal<{ readonly rings: RecentEvents }>({ rings: new RecentEvents() });

onServerEvent('event', (event) => {
  // What the device tells of the camera itself.
  if (event.type.startsWith('perch.')) {
    return;
  }
  const { rings } = recentEvents.peek();
  rings.take(event, Date.now());
  recentEvents.value = { rings };
});
