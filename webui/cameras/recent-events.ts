import { signal } from '@preact/signals';
import { type EventUpdate, onServerEvent } from '../api-client/server-events.ts';

const RING_MS = 10_000;
/** Types that ring. Plain motion is often a false alarm. */
const URGENT: ReadonlySet<string> = new Set(['person', 'face', 'vehicle', 'car', 'doorbell']);

export const isUrgent = (type: string): boolean => URGENT.has(type);
const KEPT = 64;

/**
 * Events of the last ten seconds. The box's clock may differ, and missed events arrive late: the fastest event gives
 * the offset between the clocks.
 */
export class RecentEvents {
  readonly #rings = new Map<string, { readonly type: string; readonly untilMs: number }>();
  readonly #known = new Set<string>();
  #aheadMs = Number.POSITIVE_INFINITY;

  /** @param nowMs of the browser's clock */
  take({ id, path, type, start }: EventUpdate, nowMs: number): void {
    const ageMs = nowMs - Date.parse(start);
    // The end of an event is reported as well.
    if (this.#known.has(id) || !Number.isFinite(ageMs)) {
      return;
    }
    this.#remember(id);
    this.#aheadMs = Math.min(this.#aheadMs, ageMs);
    const leftMs = RING_MS - (ageMs - this.#aheadMs);
    const before = this.at(path, nowMs);
    // Cameras report motion with each person.
    const isCovered = before !== undefined && isUrgent(before) && !isUrgent(type);
    if (leftMs > 0 && !isCovered) {
      this.#rings.set(path, { type, untilMs: nowMs + leftMs });
    }
  }

  /** Type of the camera's current event. */
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

export const recentEvents = signal<{ readonly rings: RecentEvents }>({ rings: new RecentEvents() });

onServerEvent('event', (event) => {
  // Events of the box itself.
  if (event.type.startsWith('perch.')) {
    return;
  }
  const { rings } = recentEvents.peek();
  rings.take(event, Date.now());
  recentEvents.value = { rings };
});
