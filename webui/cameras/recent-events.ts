import { signal } from '@preact/signals';
import { type EventUpdate, onServerEvent } from '../api-client/server-events.ts';
import { eventKindOf, isUrgent } from './event-kinds.ts';

const RING_MS = 10_000;
const KEPT = 64;

/**
 * Events of the last ten seconds. The box's clock may differ, and missed events arrive late: the fastest event gives
 * the offset between the clocks.
 */
export class RecentEvents {
  readonly #rings = new Map<string, { readonly type: string; readonly untilMs: number }>();
  readonly #known = new Set<string>();
  #aheadMs = Number.POSITIVE_INFINITY;

  /** @param nowMs of the browser's clock @returns whether the event is new and began just now */
  take({ id, path, type, start, labels }: EventUpdate, nowMs: number): boolean {
    // What is found in its pictures is reported later.
    labels?.forEach((label) => {
      this.#ring(id + label.type, path, label.type, label.at, nowMs);
    });
    return this.#ring(id, path, type, start, nowMs);
  }

  #ring(key: string, path: string, type: string, at: string, nowMs: number): boolean {
    const ageMs = nowMs - Date.parse(at);
    // The end of an event is reported as well.
    if (this.#known.has(key) || !Number.isFinite(ageMs)) {
      return false;
    }
    this.#known.add(key);
    if (this.#known.size > KEPT) {
      const [oldest = ''] = this.#known;
      this.#known.delete(oldest);
    }
    this.#aheadMs = Math.min(this.#aheadMs, ageMs);
    const leftMs = RING_MS - (ageMs - this.#aheadMs);
    const before = this.at(path, nowMs);
    // Cameras also report motion for each person: it does not replace the more urgent type.
    const isCovered = before !== undefined && isUrgent(before) && !isUrgent(type);
    if (leftMs > 0 && !isCovered) {
      this.#rings.set(path, { type, untilMs: nowMs + leftMs });
    }
    return leftMs > 0;
  }

  /** Type of the camera's current event. */
  at(path: string, nowMs: number): string | undefined {
    const ring = this.#rings.get(path);
    return ring && nowMs < ring.untilMs ? ring.type : undefined;
  }
}

/** Path and event of the doorbell that is ringing. */
export const doorbell = signal<{ readonly path: string; readonly id: string } | undefined>(undefined);

export const recentEvents = signal<{ readonly rings: RecentEvents }>({ rings: new RecentEvents() });

onServerEvent('event', (event) => {
  // Ignores events of the box itself.
  if (event.type.startsWith('perch.')) {
    return;
  }
  const { rings } = recentEvents.peek();
  if (rings.take(event, Date.now()) && eventKindOf(event.type) === 'doorbell') {
    doorbell.value = { path: event.path, id: event.id };
  }
  recentEvents.value = { rings };
});
