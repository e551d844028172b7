import { signal } from '@preact/signals';
import { mayPlayBack } from '../api-client/recordings/recordings.ts';
import { fetchJson } from '../api-client/request.ts';
import { onServerEvent } from '../api-client/server-events.ts';
import { encodeName } from '../api-client/urls.ts';
import { HOUR_MS } from '../words/units.ts';
import { adjacentMark, buildLane, EMPTY, type Lane, type Mark, type TimelineAnswer } from './lane.ts';
import { type TimeBlock, timeBlocks } from './time-blocks.ts';
import type { TimeWindow } from './time-window.ts';
import { LEAD_MS } from './view.ts';

const KEPT = 300;
const UNDER_WAY = 4;
const WAITING = 24;
/** Data up to now expire after this time. */
const FRESH_MS = 15_000;
/** A file that started earlier may be finished some minutes later. */
const SETTLED_MS = 10 * 60_000;

interface Entry {
  readonly camera: string;
  readonly tile: TimeBlock;
  answer: TimelineAnswer | undefined;
  untilMs: number;
  isAsked: boolean;
}

/** Least recently used first. */
const entries = new Map<string, Entry>();
/** The latest request is served first: it is visible. */
const waiting: Entry[] = [];
let underWay = 0;
/** Incremented with each response. */
const version = signal(0);
/** The last lane of each camera. */
const made = new Map<string, { readonly key: string; readonly lane: Lane }>();

/** By camera: since when the box with its recordings does not answer. */
const away = signal<ReadonlyMap<string, number | undefined>>(new Map());

/** The box with recordings of the camera does not answer. `sinceMs` is Unix time, if it is known. */
export function awayBoxOf(camera: string): { readonly sinceMs: number | undefined } | undefined {
  return away.value.has(camera) ? { sinceMs: away.value.get(camera) } : undefined;
}

function noteMissing(camera: string, missing: TimelineAnswer['missing']): void {
  const isAway = missing !== undefined && missing !== null;
  if (isAway !== away.peek().has(camera)) {
    const next = new Map(away.peek());
    next.delete(camera);
    away.value = isAway ? next.set(camera, missing.since === null ? undefined : Date.parse(missing.since)) : next;
  }
}

/** Known data of a window. Missing data are requested, and the signal triggers another call. */
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
  // The future has no recordings.
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
  // Requested again later; the strip reports an unreachable box.
  const address = `v3/timeline/${encodeName(camera)}?${new URLSearchParams(times)}`;
  const answer = await fetchJson<TimelineAnswer>(address).catch(() => undefined);
  entry.isAsked = false;
  const isWhole = answer !== undefined && !answer.missing;
  entry.untilMs =
    isWhole && tile.toMs < askedMs - SETTLED_MS
      ? Number.POSITIVE_INFINITY
      : Math.max(entry.untilMs, askedMs + FRESH_MS);
  if (answer) {
    noteMissing(camera, answer.missing);
    entry.answer = answer;
    version.value += 1;
  }
}

/** Refreshes current data while the page is visible. @returns stops it */
export function refreshLanes(): () => void {
  const timer = setInterval(() => {
    version.value += 1;
  }, FRESH_MS);
  const stopEvents = onServerEvent('event', ({ path }) => invalidateLanes(Date.now() - FRESH_MS, path));
  return () => {
    clearInterval(timer);
    stopEvents();
  };
}

/**
 * Discards data after a moment, because events, protection or recordings have changed.
 * @param camera only of this one
 */
export function invalidateLanes(sinceMs = Number.NEGATIVE_INFINITY, camera?: string): void {
  for (const entry of entries.values()) {
    if (entry.tile.toMs >= sinceMs && (camera ?? entry.camera) === entry.camera) {
      entry.untilMs = 0;
    }
  }
  version.value += 1;
}

/** Widths of the searched periods, the nearest first. Events farther away are not searched for. */
const REACHES_MS = [6, 48, 16 * 24, 128 * 24, 399 * 24].map((hours) => hours * HOUR_MS);

/** The event before or after a moment. Undefined if there is none, or the box does not answer. */
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
