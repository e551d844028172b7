import type { IndexedEvent } from './index/event-table.ts';

/** After this long without an event of the group, the next one begins a card. Times are microseconds. */
const PAUSE_US = 10_000_000;
/** A longer event counts as one of this length, so that rain does not join the events of an hour. */
const COUNTED_US = 60_000_000;
/** Of events that follow each other for long, the first of each such part of the hour begins a card. */
const PART_US = 180_000_000;
/** The events of one card start within this. */
export const CARD_US = 2 * PART_US;
/** Events that start earlier than this before another one do not decide whether that one begins a card. */
export const REACH_US = 2 * PART_US + COUNTED_US + PAUSE_US;

/** Minimum distance between two pictures of one camera: nearer ones may be the same key frame. */
export const APART_US = 4_000_000;

/**
 * Divides events of one group of cameras into cards. Only events up to `REACH_US` before it decide whether an event begins
 * a card, so the cards of a page do not depend on where the page begins.
 * @param events oldest first
 */
export function cardsOf<T extends Pick<IndexedEvent, 'startUs' | 'endUs'>>(events: readonly T[]): T[][] {
  const cards: T[][] = [];
  let busyUntilUs = -Infinity;
  /** Start of the last event that followed a pause. */
  let sinceUs = -Infinity;
  let part = -Infinity;
  for (const event of events) {
    const { startUs, endUs = Infinity } = event;
    const now = Math.floor(startUs / PART_US);
    const isPause = startUs > busyUntilUs + PAUSE_US;
    if (isPause) {
      sinceUs = startUs;
    }
    if (isPause || (now !== part && Math.floor(sinceUs / PART_US) < now - 1)) {
      cards.push([event]);
    } else {
      cards.at(-1)?.push(event);
    }
    part = now;
    busyUntilUs = Math.max(busyUntilUs, Math.min(endUs, startUs + COUNTED_US));
  }
  return cards;
}

interface CardMoment {
  readonly path: string;
  readonly us: number;
}

/**
 * Moments for pictures of a card, oldest first: one for each camera, then more of those that saw something for long.
 * @param events oldest first
 */
export function momentsOf(events: readonly IndexedEvent[], limit: number): CardMoment[] {
  const cameras = [...Map.groupBy(events, ({ path }) => path)].map(([path, own]) => candidatesOf(own, path));
  const chosen: CardMoment[] = [];
  for (let turn = 0; chosen.length < limit; turn += 1) {
    const next = cameras.flatMap((moments) => moments[turn] ?? []);
    if (next.length === 0) {
      break;
    }
    chosen.push(...next.slice(0, limit - chosen.length));
  }
  return chosen.sort((one, other) => one.us - other.us);
}

/** Moments of one camera: of objects, the surest first, of what moved most, then others, each the farthest from those before it. */
function candidatesOf(events: readonly IndexedEvent[], path: string): CardMoment[] {
  const objects = events.flatMap(({ labels = [] }) => labels).sort((one, other) => other.score - one.score);
  const chosen: number[] = [];
  const distance = (us: number): number => Math.min(...chosen.map((one) => Math.abs(one - us)));
  // Rounded down to milliseconds, the time of a key frame would be that of the one before.
  const seen = objects.map(({ at }) => at + 100_000);
  for (const kind of [seen, events.flatMap(({ area }) => area?.at ?? []), others(events)]) {
    const left = kind.slice();
    // No card shows more pictures.
    while (left.length > 0 && chosen.length < 6) {
      const farthest = left.reduce((best, us) => (distance(us) > distance(best) ? us : best));
      if (distance(farthest) < APART_US) {
        break;
      }
      chosen.push(farthest);
    }
  }
  return chosen.map((us) => ({ path, us }));
}

/** Moments in events. A key frame from before the start, or at the end, may show the empty scene. */
const others = (events: readonly IndexedEvent[]): number[] =>
  events.flatMap(({ startUs, endUs = startUs }) => {
    const lengthUs = Math.min(endUs - startUs, COUNTED_US);
    return [Math.min(lengthUs / 6, 2_000_000), lengthUs / 2, (5 * lengthUs) / 6].map((us) => Math.round(startUs + us));
  });
