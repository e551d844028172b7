import { dayStart, nextDay } from '../words/format.ts';
import { DAY_MS, HOUR_MS } from '../words/units.ts';
import type { TimeWindow } from './time-window.ts';

/** A period that is requested and cached as one. */
export interface TimeBlock {
  readonly fromMs: number;
  readonly toMs: number;
}

const MONTH = 32 * DAY_MS;
/** Windows between the two bounds use days, longer ones months, and shorter ones hours. */
const DAYS_UP_TO_MS = 4 * DAY_MS;
const HOURS_UP_TO_MS = 3 * HOUR_MS;
/** Windows up to these lengths use blocks as long, the shortest that do: for a block with very many events the box only sends their counts. */
const PARTS_MS = [HOUR_MS / 30, HOUR_MS / 6];

/** Blocks that cover a window: parts of an hour, hours, days or months, aligned the same for every window. */
export function timeBlocks({ fromMs, toMs }: TimeWindow): TimeBlock[] {
  const length = toMs - fromMs;
  if (length <= DAYS_UP_TO_MS && length > HOURS_UP_TO_MS) {
    return days(fromMs, toMs);
  }
  const step = length > DAYS_UP_TO_MS ? MONTH : (PARTS_MS.find((part) => length <= part) ?? HOUR_MS);
  const tiles: TimeBlock[] = [];
  for (let ms = Math.floor(fromMs / step) * step; ms < toMs; ms += step) {
    tiles.push({ fromMs: ms, toMs: ms + step });
  }
  return tiles;
}

/** Limits of a request; the rest of a block stays unknown. */
export function requestedPart(
  window: TimeWindow,
  startMs: number,
  endMs: number,
): readonly [startMs: number, endMs: number] {
  const tiles = timeBlocks(window);
  return [Math.max(startMs, tiles[0]?.fromMs ?? startMs), Math.min(endMs, tiles.at(-1)?.toMs ?? endMs)];
}

function days(fromMs: number, toMs: number): TimeBlock[] {
  const tiles: TimeBlock[] = [];
  for (let day = dayStart(fromMs); day < toMs; day = nextDay(day)) {
    tiles.push({ fromMs: day, toMs: nextDay(day) });
  }
  return tiles;
}
