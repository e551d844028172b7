import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { onNews } from '../box/news.ts';
import { ask } from '../box/request.ts';
import { encodeName } from '../box/addresses.ts';
import { isOwner } from '../box/session.ts';
import { EMPTY, type Lane, laneOf, type TimelineAnswer } from './lane.ts';
import { type Tile, tilesOf } from './tiles.ts';
import type { Window } from './scale.ts';

const KEPT = 300;
/** What reaches up to now is old after this long. */
const FRESH_MS = 15_000;

interface Entry {
  readonly tile: Tile;
  answer: TimelineAnswer | undefined;
  /** Infinity: it will never be another. */
  untilMs: number;
  isUnderWay: boolean;
}

/** By camera and time, the one used last at the end. */
const entries = new Map<string, Entry>();
/** Grows with each answer. */
const version = signal(0);

/** What there is of a camera in a window; as much as is known already, the rest is asked for. */
export function laneIn(name: string, window: Window): Lane {
  version.value;
  if (!isOwner.value) {
    return EMPTY;
  }
  const nowMs = Date.now();
  const answers: TimelineAnswer[] = [];
  for (const tile of tilesOf(window)) {
    const answer = answerFor(name, tile, nowMs);
    if (answer) {
      answers.push(answer);
    }
  }
  return laneOf(answers, nowMs);
}

/** The lane of one camera, made anew only when its answers or the times that it asks for change. */
export function laneSignal(name: () => string | undefined, window: ReadonlySignal<Window>): ReadonlySignal<Lane> {
  const asked = computed(() => {
    const tiles = tilesOf(window.value);
    return `${tiles[0]?.fromMs} ${(tiles.at(-1)?.toMs ?? 0)}`;
  });
  return computed(() => {
    const [from = '', to = ''] = asked.value.split(' ');
    const camera = name();
    return camera === undefined ? EMPTY : laneIn(camera, boundsOf(window.peek(), Number(from), Number(to)));
  });
}

/** As long as it was, so that it asks for the same kind of times. */
const boundsOf = (window: Window, fromMs: number, toMs: number): Window =>
  tilesOf({ fromMs, toMs }).length === tilesOf(window).length ? { fromMs, toMs } : window;

function answerFor(name: string, tile: Tile, nowMs: number): TimelineAnswer | undefined {
  const key = `${name}\n${tile.fromMs}\n${tile.toMs}`;
  const entry = entries.get(key) ?? { tile, answer: undefined, untilMs: 0, isUnderWay: false };
  entries.delete(key);
  entries.set(key, entry);
  for (const oldest of entries.keys()) {
    if (entries.size <= KEPT) {
      break;
    }
    entries.delete(oldest);
  }
  // Nothing is recorded in the future.
  if (!entry.isUnderWay && entry.untilMs < nowMs && tile.fromMs < nowMs) {
    fetchInto(name, entry);
  }
  return entry.answer;
}

async function fetchInto(name: string, entry: Entry): Promise<void> {
  entry.isUnderWay = true;
  const { fromMs, toMs } = entry.tile;
  const query = new URLSearchParams({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() });
  const askedMs = Date.now();
  // What does not come now is asked for at the next look; the strip above says when the box does not answer.
  const answer = await ask<TimelineAnswer>(`v3/timeline/${encodeName(name)}?${query}`).catch(() => undefined);
  entry.isUnderWay = false;
  // A file that was begun before the end of this time is finished some minutes later.
  entry.untilMs = answer && toMs < askedMs - 10 * 60_000 ? Number.POSITIVE_INFINITY : askedMs + FRESH_MS;
  if (answer) {
    entry.answer = answer;
    version.value += 1;
  }
}

/** Asks again for what may have changed, as long as somebody looks. @returns what ends it */
export function keepFresh(): () => void {
  const timer = setInterval(() => {
    version.value += 1;
  }, FRESH_MS);
  const stopNews = onNews('event', () => {
    renew();
  });
  return () => {
    clearInterval(timer);
    stopNews();
  };
}

/** Something was changed in what was recorded, here or by the box: all that is shown is asked for anew. */
export function renew(): void {
  for (const entry of entries.values()) {
    entry.untilMs = Math.min(entry.untilMs, entry.tile.toMs >= Date.now() - FRESH_MS ? 0 : entry.untilMs);
  }
  version.value += 1;
}
