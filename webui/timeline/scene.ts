import { nowMs } from '../shell/page-state.ts';
import { recordingsWords } from '../words/recordings.ts';
import { locale } from '../words/words.ts';
import { type Drawing, drawGapLabels, drawLane, drawTicks, type LanePosition, type Palette, shareOf } from './draw.ts';
import { gapReasonText, reasonOf } from './gap-reasons.ts';
import { coveredOf, firstBehind, type Lane } from './lane.ts';
import { laneFor } from './lane-data.ts';
import { type Tick, tickStep, ticks } from './ticks.ts';
import { requestedPart } from './time-blocks.ts';
import type { TimeWindow } from './time-window.ts';
import { atMs, fromMs, lanesScrolledPx, spans, toMs } from './view.ts';

export interface LaneCamera {
  readonly name: string;
  readonly title: string;
  /** Start of the outage. */
  readonly offlineSinceMs: number | undefined;
}

/** CSS pixels; texts grow with the browser's text size. */
export interface Measures {
  readonly axis: 'x' | 'y';
  readonly width: number;
  readonly height: number;
  /** 1 at the default text size. */
  readonly text: number;
  readonly laneHeight: number;
}

/** Everything that the timeline draws. */
export interface Scene {
  readonly window: TimeWindow;
  readonly lanes: readonly Lane[];
  readonly ticks: readonly Tick[];
  readonly atMs: number | undefined;
  readonly nowMs: number;
  /** Scroll offset of the other lanes. */
  readonly scrolledPx: number;
  readonly wordOf: (gapStartMs: number, gapEndMs: number) => string;
  /** Gaps of the other lanes, labelled if there is room. */
  readonly shortWordOf: (lane: Lane, gapStartMs: number, gapEndMs: number) => string;
}

/** Positions across the axis: labels, comb and track of the chosen camera; the other lanes follow below. */
export const TOP = { labels: 14, track: 76, chosen: 88 } as const;
const SIDE = { labels: 12, track: 96 } as const;
const TRACK_PX = 10;
const COMB_PX = 44;
/** The last recording ends when the device noticed the outage. */
const SAME_END_MS = 60_000;

export const heightOfLanes = (others: number, laneHeight: number): number => TOP.chosen + others * laneHeight + 4;

/** The lane at a position, from the top. */
export const laneAt = (px: number, laneHeight: number, scrolledPx = 0): number =>
  px < TOP.chosen ? 0 : 1 + Math.floor((px - TOP.chosen + scrolledPx) / laneHeight);

const coveredBySpans = new WeakMap<object, Float64Array>();

/** Recordings of the chosen camera, in milliseconds. */
export function recordedNow(): Float64Array {
  const all = spans.value;
  const known = coveredBySpans.get(all) ?? coveredOf(all);
  coveredBySpans.set(all, known);
  return known;
}

/** Why a moment of the chosen camera has no recording; undefined if unknown. */
export function gapReasonAt(name: string, ms: number): string | undefined {
  const window = { fromMs: fromMs.value, toMs: toMs.value };
  const covered = recordedNow();
  const behind = firstBehind(covered, ms);
  const [startMs, endMs] = [covered[behind - 1] ?? ms, covered[behind] ?? ms + 1];
  const known = requestedPart(window, startMs, endMs);
  return gapReasonText(reasonOf(laneFor(name, window).reasons, ...known), recordingsWords.value);
}

/** Subscribes to all signals of the drawing. */
export function sceneOf(cameras: readonly LaneCamera[], { axis, width, height }: Measures): Scene {
  const window = { fromMs: fromMs.value, toMs: toMs.value };
  const along = Math.max(1, axis === 'x' ? width : height);
  const step = tickStep((window.toMs - window.fromMs) / along);
  const [chosen, ...others] = cameras;
  const lanes = chosen ? [{ ...laneFor(chosen.name, window), covered: recordedNow() }] : [];
  const newestMs = spans.value.at(-1)?.endMs ?? 0;
  const words = recordingsWords.value;
  const reasons = lanes[0]?.reasons ?? [];
  const isOffline = chosen?.offlineSinceMs !== undefined && chosen.offlineSinceMs < newestMs + SAME_END_MS;
  return {
    window,
    lanes: [...lanes, ...(axis === 'x' ? others.map(({ name }) => laneFor(name, window)) : [])],
    ticks: ticks(window, step, locale.value),
    atMs: atMs.value,
    scrolledPx: axis === 'x' ? lanesScrolledPx.value : 0,
    // The end of a running recording is not written yet, which is no gap.
    nowMs: isOffline ? nowMs.value : Math.max(newestMs, nowMs.value - SAME_END_MS),
    wordOf: (startMs, endMs) => {
      const known = gapReasonText(reasonOf(reasons, ...requestedPart(window, startMs, endMs)), words);
      const why = known ?? (isOffline && endMs > newestMs ? words.gapOffline : undefined);
      return why === undefined ? words.noRecording : words.noRecordingHere(why);
    },
    shortWordOf: (lane, startMs, endMs) =>
      gapReasonText(reasonOf(lane.reasons, ...requestedPart(window, startMs, endMs)), words) ?? words.noRecording,
  };
}

export function paint(canvas: HTMLCanvasElement, scene: Scene, measures: Measures, palette: Palette): void {
  const { axis, width, height, text } = measures;
  const context = canvas.getContext('2d');
  if (!context || width === 0 || height === 0) {
    return;
  }
  const scale = devicePixelRatio;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const [along, across] = axis === 'x' ? [width, height] : [height, width];
  const sheet: Drawing = { context, axis, along, across, palette };
  const pill = scene.atMs === undefined ? undefined : shareOf(scene.window, scene.atMs) * along;
  drawTicks(sheet, scene.window, scene.ticks, axis === 'x' ? TOP.labels : SIDE.labels, pill);
  const [chosen, ...others] = scene.lanes;
  drawOthers(sheet, scene, others, measures);
  if (chosen) {
    drawLane(sheet, scene.window, chosen, placeOf(0, measures), scene.nowMs);
    // Horizontal: the comb is next to the track.
    const isWithin = axis === 'x';
    const at = isWithin ? TOP.track : SIDE.track * text + 20;
    drawGapLabels(sheet, scene.window, chosen.covered, { at, nowMs: scene.nowMs, wordOf: scene.wordOf, isWithin });
  }
}

/** Clipped below the chosen lane. */
function drawOthers(sheet: Drawing, scene: Scene, others: readonly Lane[], measures: Measures): void {
  const { context } = sheet;
  context.save();
  context.beginPath();
  context.rect(0, TOP.chosen, measures.width, measures.height);
  context.clip();
  others.forEach((lane, i) => {
    // Recordings since the last response are no gap.
    const nowOfLane = Math.max(lane.covered.at(-1) ?? 0, nowMs.peek() - SAME_END_MS);
    const place = placeOf(i + 1, measures);
    const track = place.track - scene.scrolledPx;
    const wordOf = scene.shortWordOf.bind(undefined, lane);
    drawLane(sheet, scene.window, lane, { ...place, track }, nowOfLane);
    drawGapLabels(sheet, scene.window, lane.covered, { at: track, nowMs: nowOfLane, wordOf, isWithin: true });
  });
  context.restore();
}

function placeOf(i: number, { axis, text, laneHeight }: Measures): LanePosition {
  if (axis === 'y') {
    return { track: SIDE.track * text, width: TRACK_PX, comb: COMB_PX };
  }
  return i === 0
    ? { track: TOP.track, width: TRACK_PX - 2, comb: COMB_PX }
    : { track: TOP.chosen + (i - 0.5) * laneHeight, width: 5, comb: 0 };
}

export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    recorded: of('--recorded'),
    accent: of('--accent'),
    bad: of('--bad'),
    dim: of('--dim'),
    ink: of('--ink'),
    line: of('--line'),
    font: `${0.75 * rootPx()}px ${style.fontFamily}`,
  };
}

export const rootPx = (): number => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
