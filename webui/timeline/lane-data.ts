import { signal } from '@preact/signals';
import { mayPlayBack } from '../api-client/recordings.ts';
import { fetchJson } from '../api-client/request.ts';
import { onServerEvent } from '../api-client/server-events.ts';
import { encodeName } from '../api-client/urls.ts';
import { adjacentMark, buildLane, EMPTY, type Lane, type Mark, type TimelineAnswer } from './lane.ts';
import { type TimeBlock, timeBlocks } from './time-blocks.ts';
import type { TimeWindow } from './time-window.ts';
import { LEAD_MS } from './view.ts';

const KEPT = 300;
const UNDER_WAY = 4;
const WAITING = 24;
/** What reaches up to now is old after this long. */
const FRESH_MS = 15_000;
/** A file that was begun before the end of a time is finished some minutes later. */
const SETTLED_MS = 10 * 60_000;

interface Entry {
  readonly camera: string;
  readonly tile: TimeBlock;
  answer: TimelineAnswer | undefined;
  untilMs: number;
  isAsked: boolean;
}

/** The one used last at the end. */
const entries = new Map<string, Entry>();
/** Those asked for last are answered first: they are what is looked at. */
const waiting: Entry[] = [];
let underWay = 0;
/** Grows with each answer. */
const version = signal(0);
/** The lane of each camera as it was last made. */
const made = new Map<string, { readonly key: string; readonly lane: Lane }>();

/** What there is of a camera in a window, as far as it is known; the rest is asked for, and the reader told by its signal. */
export function laneFor(camera: string, window: TimeWindow): Lane {
  const key = `${version.value}`;
  if (!mayPlayBack(camera)) {
    return EMPTY;
  }
  const tiles = timeBlocks(window);
  const whole = `${key} ${tiles[0]?.fromMs} ${tiles.at(-1)?.toMs}`;
  const known = made.get(camera);
  if (known?.key === whole) {
    return known.lane;
  }
  const nowMs = Date.now();
  const answers = tiles.map((tile) => answerFor(camera, tile, nowMs)).filter((answer) => answer !== undefined);
  const lane = buildLane(answers, nowMs);
  made.set(camera, { key: whole, lane });
  return lane;
}

function answerFor(camera: string, tile: TimeBlock, nowMs: number): TimelineAnswer | undefined {
  const key = `${tile.fromMs} ${tile.toMs} ${camera}`;
  const entry = entries.get(key) ?? { camera, tile, answer: undefined, untilMs: 0, isAsked: false };
  entries.delete(key);
  entries.set(key, entry);
  const [oldest = ''] = entries.keys();
  if (entries.size > KEPT) {
    entries.delete(oldest);
  }
  // Nothing is recorded in the future.
  if (!entry.isAsked && entry.untilMs < nowMs && tile.fromMs < nowMs) {
    entry.isAsked = true;
    waiting.push(entry);
    const dropped = waiting.length > WAITING ? waiting.shift() : undefined;
    if (dropped) {
      dropped.isAsked = false;
    }
    queueMicrotask(askNext);
  }
  return entry.answer;
}

function askNext(): void {
  while (underWay < UNDER_WAY) {
    const entry = waiting.pop();
    if (!entry) {
      return;
    }
    underWay += 1;
    fetchInto(entry).finally(() => {
      underWay -= 1;
      askNext();
    });
  }
}

async function fetchInto(entry: Entry): Promise<void> {
  const { camera, tile } = entry;
  const times = { from: new Date(tile.fromMs).toISOString(), to: new Date(tile.toMs).toISOString() };
  const askedMs = Date.now();
  // What does not come now is asked for again; the strip above says when the device does not answer.
  const address = `v3/timeline/${encodeName(camera)}?${new URLSearchParams(times)}`;
  const answer = await fetchJson<TimelineAnswer>(address).catch(() => undefined);
  entry.isAsked = false;
  entry.untilMs =
    answer && tile.toMs < askedMs - SETTLED_MS ? Number.POSITIVE_INFINITY : Math.max(entry.untilMs, askedMs + FRESH_MS);
  if (answer) {
    entry.answer = answer;
    version.value += 1;
  }
}

/** Asks again for what goes on, as long as somebody looks. @returns what ends it */
export function refreshLanes(): () => void {
  const timer = setInterval(() => {
    version.value += 1;
  }, FRESH_MS);
  const stopNews = onServerEvent('event', ({ path }) => invalidateLanes(Date.now() - FRESH_MS, path));
  return () => {
    clearInterval(timer);
    stopNews();
  };
}

/**
 * What reaches beyond that moment has changed and is asked for anew: something was seen, protected or deleted.
 * @param camera of it alone
 */
export function invalidateLanes(sinceMs = Number.NEGATIVE_INFINITY, camera?: string): void {
  for (const entry of entries.values()) {
    if (entry.tile.toMs >= sinceMs && (camera ?? entry.camera) === entry.camera) {
      entry.untilMs = 0;
    }
  }
  version.value += 1;
}

const HOUR_MS = 3_600_000;
/** First what is near, then further away; what is further than the last nobody finds event by event. */
const REACHES_MS = [6, 48, 16 * 24, 128 * 24, 399 * 24].map((hours) => hours * HOUR_MS);

/** The event before or after a moment. Undefined when there is none, or the device does not answer. */
export async function findAdjacentMark(
  camera: string,
  ms: number,
  by: -1 | 1,
  signal: AbortSignal,
): Promise<Mark | undefined> {
  for (const reachMs of REACHES_MS) {
    const [from, to] = by > 0 ? [ms, ms + reachMs] : [ms - reachMs, ms + LEAD_MS];
    const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    const answer = await fetchJson<TimelineAnswer>(`v3/timeline/${encodeName(camera)}?${query}`, { signal });
    const mark = adjacentMark(buildLane([answer], to).events, ms, by, LEAD_MS);
    if (mark) {
      return mark;
    }
  }
  return undefined;
}
