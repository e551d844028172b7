import { HOUR_MS } from '../words/units.ts';
import { firstBehind, histogram, type Lane, type Mark } from './lane.ts';
import { placeLabels, type Tick } from './ticks.ts';
import type { TimeWindow } from './time-window.ts';

/** Colours of the style sheet; a canvas cannot use variables. */
export interface Palette {
  readonly recorded: string;
  readonly accent: string;
  readonly bad: string;
  readonly dim: string;
  readonly ink: string;
  readonly line: string;
  readonly font: string;
}

/** A canvas with time to the right, or upwards with the newest on top. CSS pixels. */
export interface Drawing {
  readonly context: CanvasRenderingContext2D;
  readonly axis: 'x' | 'y';
  /** Position of a moment along the axis. */
  readonly along: number;
  readonly across: number;
  /** 1 at the browser's usual text size. */
  readonly text: number;
  readonly palette: Palette;
}

/** Position of a camera's lane across the axis. */
export interface LanePosition {
  /** Middle of the track. */
  readonly track: number;
  readonly width: number;
  /** Height of the comb; 0: none. */
  readonly comb: number;
}

export const shareOf = ({ fromMs, toMs }: TimeWindow, ms: number): number => (ms - fromMs) / (toMs - fromMs);

/** Fills a rectangle given along and across the time axis. */
function fill({ context, axis, along }: Drawing, start: number, length: number, from: number, width: number): void {
  if (axis === 'x') {
    context.fillRect(start, from, length, width);
  } else {
    context.fillRect(from, along - start - length, width, length);
  }
}

export function drawLane(sheet: Drawing, window: TimeWindow, lane: Lane, place: LanePosition, nowMs: number): void {
  const { context, palette, along } = sheet;
  const px = (ms: number) => Math.min(along, Math.max(0, shareOf(window, ms) * along));
  const top = place.track - place.width / 2;
  const endMs = Math.min(window.toMs, nowMs);
  drawGaps(sheet, window, lane.covered, place.track, endMs, px);
  const bars = (pairs: Float64Array, colour: string, from: number, width: number) => {
    context.fillStyle = colour;
    for (let i = firstBehind(pairs, window.fromMs); i < pairs.length && (pairs[i] ?? 0) < window.toMs; i += 2) {
      const start = px(pairs[i] ?? 0);
      // Short ranges stay visible.
      fill(sheet, start, Math.max(2, px(pairs[i + 1] ?? 0) - start), from, width);
    }
  };
  bars(lane.covered, palette.recorded, top, place.width);
  bars(lane.fetched, palette.dim, top - 4, 2);
  bars(lane.imported, palette.dim, top - 4, 2);
  bars(lane.kept, palette.ink, top - 4, 2);
  bars(lane.archived, palette.dim, top + place.width + 2, 2);
  drawMarks(sheet, window, lane, place);
}

/** Dotted line in gaps, from the first recording until now. */
function drawGaps(
  { context, axis, along, palette }: Drawing,
  window: TimeWindow,
  covered: Float64Array,
  track: number,
  endMs: number,
  px: (ms: number) => number,
): void {
  context.strokeStyle = palette.bad;
  context.lineWidth = 2;
  context.lineCap = 'round';
  context.setLineDash([0.1, 5]);
  context.beginPath();
  eachGap(covered, window.fromMs, endMs, (startMs, gapEndMs) => {
    const [start, end] = [px(startMs) + 3, px(gapEndMs) - 3];
    if (end > start) {
      context.moveTo(...pointOf(axis, along, start, track));
      context.lineTo(...pointOf(axis, along, end, track));
    }
  });
  context.stroke();
  context.setLineDash([]);
}

const pointOf = (axis: 'x' | 'y', along: number, at: number, across: number): [number, number] =>
  axis === 'x' ? [at, across] : [across, along - at];

/** Calls `found` for each gap in the window, except before the first recording. */
function eachGap(
  covered: Float64Array,
  fromMs: number,
  toMs: number,
  found: (startMs: number, endMs: number) => void,
): void {
  if (covered.length === 0) {
    return;
  }
  const first = firstBehind(covered, fromMs);
  let doneMs = first === 0 ? (covered[0] ?? 0) : fromMs;
  for (let i = first; i < covered.length && (covered[i] ?? 0) < toMs; i += 2) {
    if ((covered[i] ?? 0) > doneMs) {
      found(doneMs, covered[i] ?? 0);
    }
    doneMs = Math.max(doneMs, covered[i + 1] ?? 0);
  }
  if (doneMs < toMs) {
    found(doneMs, toMs);
  }
}

const COLUMN_PX = 5;
const BARS_FROM_MS = 2 * 86_400_000;
const COLUMNS = new Float32Array(4096);

/** Persons, vehicles and animals have a colour of their own. */
function drawMarks(sheet: Drawing, window: TimeWindow, lane: Lane, place: LanePosition): void {
  const { context, palette } = sheet;
  context.fillStyle = palette.accent;
  drawEvents(sheet, window, lane.events, place);
  context.fillStyle = palette.ink;
  drawEvents(sheet, window, lane.objects, place);
}

function drawEvents(sheet: Drawing, window: TimeWindow, events: readonly Mark[], place: LanePosition): void {
  const { along } = sheet;
  const length = window.toMs - window.fromMs;
  if (place.comb === 0) {
    for (const { startMs, endMs } of events) {
      if (endMs >= window.fromMs && startMs <= window.toMs) {
        const start = shareOf(window, startMs) * along;
        fill(sheet, start, Math.max(4, shareOf(window, endMs) * along - start), place.track - 5, 10);
      }
    }
    return;
  }
  // Above two days one bar per hour.
  const columnMs = length > BARS_FROM_MS ? HOUR_MS : Math.max(COLUMN_PX * (length / along), 100);
  const fromMs = Math.floor(window.fromMs / columnMs) * columnMs;
  const count = Math.min(COLUMNS.length, Math.ceil((window.toMs - fromMs) / columnMs) + 1);
  const heights = histogram(events, fromMs, columnMs, COLUMNS.subarray(0, count));
  const columnPx = (columnMs / length) * along;
  for (let i = 0; i < count; i += 1) {
    const height = (heights[i] ?? 0) * (place.comb - 6);
    if (height > 0) {
      const start = shareOf(window, fromMs + i * columnMs) * along;
      const base =
        sheet.axis === 'x' ? place.track - place.width / 2 - 4 - 6 - height : place.track + place.width / 2 + 4;
      fill(sheet, start, Math.max(1.5, columnPx - 2), base, 6 + height);
    }
  }
}

/** Height of a label, and of the playhead's pill with its margins, at the usual text size. */
const LINE_PX = 16;
const PILL_PX = 32;
/** Around the text of the pill. */
const PILL_MORE_PX = 30;
/** Its font is larger and has digits of one width. */
const PILL_FONT = 1.15;

interface Pill {
  readonly atMs: number | undefined;
  readonly pillText: string;
}

/** Draws the labels, except where the playhead's pill is. @param at position across the axis */
export function drawTicks(sheet: Drawing, window: TimeWindow, all: readonly Tick[], at: number, pill?: Pill): void {
  const { context, axis, along, across, text: scale, palette } = sheet;
  context.font = palette.font;
  const isLying = axis === 'x';
  const pillHalf =
    (isLying ? context.measureText(pill?.pillText ?? '').width * PILL_FONT + PILL_MORE_PX : PILL_PX * scale) / 2;
  const pillPx =
    pill?.atMs === undefined
      ? undefined
      : Math.min(Math.max(shareOf(window, pill.atMs) * along, pillHalf), along - pillHalf);
  context.textBaseline = 'middle';
  context.textAlign = isLying ? 'center' : 'left';
  const labels = all.map(({ ms, text, isDay }) => ({
    at: shareOf(window, ms) * along,
    half: isLying ? context.measureText(text).width / 2 : (LINE_PX * scale) / 2,
    text,
    isDay,
  }));
  const places = placeLabels(labels, along);
  labels.forEach(({ at: position, half, text, isDay }, i) => {
    if (isDay) {
      context.fillStyle = palette.line;
      // Upright, the line begins after the label.
      const from = isLying ? 0 : at + context.measureText(text).width + LINE_PX / 2;
      fill(sheet, position, 1, from, across - from);
    }
    const place = places[i];
    if (place !== undefined && (pillPx === undefined || Math.abs(place - pillPx) > pillHalf + half)) {
      context.fillStyle = isDay ? palette.ink : palette.dim;
      context.fillText(text, ...pointOf(axis, along, place, at));
    }
  });
}

interface GapLabels {
  /** Position across the axis. */
  readonly at: number;
  readonly nowMs: number;
  readonly wordOf: (startMs: number, endMs: number) => string;
  /** Whether labels are on the dotted line, which is interrupted for them. */
  readonly isWithin?: boolean;
  /** Position of the playhead along the axis. */
  readonly playhead: number | undefined;
}

/** Distance between a label and the playhead. */
const CLEAR_PX = 4;

/** The middle of a label between two positions, next to the playhead; undefined if it does not fit. */
export function labelMiddle(start: number, end: number, length: number, playhead?: number): number | undefined {
  const middle = (start + end) / 2;
  const half = length / 2;
  const away = half + CLEAR_PX;
  if (end - start <= length || playhead === undefined || Math.abs(playhead - middle) >= away) {
    return end - start > length ? middle : undefined;
  }
  const aside = playhead - start > end - playhead ? playhead - away : playhead + away;
  return aside - half >= start && aside + half <= end ? aside : undefined;
}

/** The reason in each gap, if it fits. */
export function drawGapLabels(
  sheet: Drawing,
  window: TimeWindow,
  covered: Float64Array,
  { at, nowMs, wordOf, isWithin = false, playhead }: GapLabels,
): void {
  const { context, axis, along, text: scale, palette } = sheet;
  const linePx = LINE_PX * scale;
  context.font = palette.font;
  context.fillStyle = palette.dim;
  context.textBaseline = 'middle';
  context.textAlign = axis === 'x' ? 'center' : 'left';
  eachGap(covered, window.fromMs, Math.min(window.toMs, nowMs), (startMs, endMs) => {
    const start = Math.max(0, shareOf(window, startMs) * along);
    const end = Math.min(along, shareOf(window, endMs) * along);
    const text = wordOf(startMs, endMs);
    const width = context.measureText(text).width + 12;
    const spare = axis === 'y' ? 5 : isWithin ? 12 : 0;
    const middle = labelMiddle(start + spare, end - spare, axis === 'x' ? width : linePx, playhead);
    if (middle !== undefined) {
      if (isWithin) {
        context.clearRect(middle - width / 2, at - linePx / 2, width, linePx);
      }
      context.fillText(text, ...pointOf(axis, along, middle, at));
    }
  });
}
