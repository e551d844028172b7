import { nowMs } from '../shell/page-state.ts';
import { clockSeconds } from '../words/format.ts';
import { recordingsWords } from '../words/recordings.ts';
import { locale } from '../words/words.ts';
import { type Drawing, drawGapLabels, drawLane, drawTicks, type LanePosition, type Palette, shareOf } from './draw.ts';
import { cardSourceText, gapReasonText, reasonOf } from './gap-reasons.ts';
import { coveredOf, firstBehind, type Lane } from './lane.ts';
import { laneFor } from './lane-data.ts';
import { type LabelKind, labelKind, type Tick, tickStep, ticks, widestLabels } from './ticks.ts';
import { requestedPart } from './time-blocks.ts';
import type { TimeWindow } from './time-window.ts';
import { atMs, clip, fromMs, lanesScrolledPx, spans, toMs } from './view.ts';

export interface LaneCamera {
  readonly name: string;
  readonly title: string;
  /** Start of the outage, or undefined if the camera is online. */
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
  /** Whether it is the strip below a live picture: one low lane with the labels under it. */
  readonly isStrip: boolean;
}

/** Everything that the timeline draws. */
export interface Scene {
  readonly window: TimeWindow;
  readonly lanes: readonly Lane[];
  readonly ticks: readonly Tick[];
  readonly atMs: number | undefined;
  /** Time on the playhead. */
  readonly pillText: string;
  readonly nowMs: number;
  /** Scroll offset of the other lanes. */
  readonly scrolledPx: number;
  readonly wordOf: (gapStartMs: number, gapEndMs: number) => string;
  /** Gaps of the other lanes, labelled if there is room. */
  readonly shortWordOf: (lane: Lane, gapStartMs: number, gapEndMs: number) => string;
}

/** Layout across a horizontal timeline, CSS pixels. */
interface Rows {
  /** Middle of the labels. */
  readonly labels: number;
  /** Middle of the chosen camera's track. */
  readonly track: number;
  readonly comb: number;
  /** Where the chosen camera's lane ends and the others begin. */
  readonly chosen: number;
}

export function rowsOf({ text, isStrip }: Pick<Measures, 'text' | 'isStrip'>): Rows {
  return isStrip
    ? { labels: 50 + 10 * text, track: 42, comb: 34, chosen: 50 + 18 * text }
    : { labels: 14 * text, track: 52 + 24 * text, comb: 44, chosen: 64 + 24 * text };
}

const SIDE = { labels: 12, track: 96 } as const;
const TRACK_PX = 10;
const COMB_PX = 44;
/** Distance of the labels' beginnings or middles, at least. */
const LABELS_PX = 64;
/** Between two labels, and between a label and the track. */
const SPACE_PX = 12;
/** The last recording ends when the box noticed the outage. */
const SAME_END_MS = 60_000;

/** Maximum number of visible lanes, the chosen one included. Further lanes are reached by scrolling. */
const MAX_LANES = 5;

export const heightOfLanes = (others: number, laneHeight: number, { chosen }: Rows): number =>
  chosen + Math.min(others, MAX_LANES - 1) * laneHeight + 4;

/** The lane at a position, from the top. */
export const laneAt = (px: number, laneHeight: number, { chosen }: Rows, scrolledPx = 0): number =>
  px < chosen ? 0 : 1 + Math.floor((px - chosen + scrolledPx) / laneHeight);

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

/** Where a moment comes from, and why; undefined: the box recorded it. */
export const cardSourceAt = (name: string, ms: number): string | undefined =>
  cardSourceText(laneFor(name, { fromMs: fromMs.value, toMs: toMs.value }), ms, recordingsWords.value);

/** Subscribes to all signals of the drawing. */
export function sceneOf(cameras: readonly LaneCamera[], { axis, width, height, text }: Measures): Scene {
  const window = { fromMs: fromMs.value, toMs: toMs.value };
  const along = Math.max(1, axis === 'x' ? width : height);
  const language = locale.value;
  const room = (SIDE.track - SIDE.labels - TRACK_PX / 2) * text - SPACE_PX / 2;
  const dayKind = axis === 'x' || widestPx('weekday', language, text) <= room ? 'weekday' : 'day';
  const step = tickStep((window.toMs - window.fromMs) / along, (stepMs) =>
    Math.max(LABELS_PX * text, axis === 'x' ? widestPx(labelKind(stepMs, dayKind), language, text) + SPACE_PX : 0),
  );
  const [chosen, ...others] = cameras;
  const lanes = chosen ? [{ ...laneFor(chosen.name, window), covered: recordedNow() }] : [];
  const newestMs = spans.value.at(-1)?.endMs ?? 0;
  const words = recordingsWords.value;
  const reasons = lanes[0]?.reasons ?? [];
  // The pictures of a clip's ends cover an upright timeline.
  const isCovered = axis === 'y' && clip.value !== undefined;
  const isOffline = chosen?.offlineSinceMs !== undefined && chosen.offlineSinceMs < newestMs + SAME_END_MS;
  return {
    window,
    lanes: [...lanes, ...(axis === 'x' ? others.map(({ name }) => laneFor(name, window)) : [])],
    ticks: ticks(window, step, language, dayKind),
    atMs: atMs.value,
    pillText: atMs.value === undefined ? '' : clockSeconds(atMs.value, language),
    scrolledPx: axis === 'x' ? lanesScrolledPx.value : 0,
    // The end of a running recording is not written yet, which is no gap.
    nowMs: isOffline ? nowMs.value : Math.max(newestMs, nowMs.value - SAME_END_MS),
    wordOf: (startMs, endMs) => {
      if (isCovered) {
        return '';
      }
      const known = gapReasonText(reasonOf(reasons, ...requestedPart(window, startMs, endMs)), words);
      const why = known ?? (isOffline && endMs > newestMs ? words.gapOffline : undefined);
      return why === undefined ? words.noRecording : words.noRecordingHere(why);
    },
    shortWordOf: (lane, startMs, endMs) =>
      gapReasonText(reasonOf(lane.reasons, ...requestedPart(window, startMs, endMs)), words) ?? words.noRecording,
  };
}

const widths = new Map<string, number>();

/** Width of the longest label of a kind, CSS pixels. */
function widestPx(kind: LabelKind, language: string, text: number): number {
  const key = `${kind} ${language} ${text}`;
  const context = widths.has(key) ? null : document.createElement('canvas').getContext('2d');
  if (context) {
    context.font = fontOf(document.body);
    widths.set(key, Math.max(...widestLabels(kind, language).map((label) => context.measureText(label).width)));
  }
  return widths.get(key) ?? 0;
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
  const sheet: Drawing = { context, axis, along, across, text, palette };
  const rows = rowsOf(measures);
  const pill = scene.atMs === undefined ? undefined : shareOf(scene.window, scene.atMs) * along;
  const labelsAt = axis === 'x' ? rows.labels : SIDE.labels;
  drawTicks(sheet, scene.window, scene.ticks, labelsAt, measures.isStrip ? undefined : scene);
  const [chosen, ...others] = scene.lanes;
  drawOthers(sheet, scene, others, measures, pill);
  if (chosen) {
    drawLane(sheet, scene.window, chosen, placeOf(0, measures), scene.nowMs);
    // Horizontal: the comb is next to the track.
    const isWithin = axis === 'x';
    const at = isWithin ? rows.track : SIDE.track * text + 20;
    const { nowMs: now, wordOf } = scene;
    drawGapLabels(sheet, scene.window, chosen.covered, { at, nowMs: now, wordOf, isWithin, playhead: pill });
  }
}

/** Clipped below the chosen lane. */
function drawOthers(
  sheet: Drawing,
  scene: Scene,
  others: readonly Lane[],
  measures: Measures,
  playhead: number | undefined,
): void {
  const { context } = sheet;
  context.save();
  context.beginPath();
  context.rect(0, rowsOf(measures).chosen, measures.width, measures.height);
  context.clip();
  others.forEach((lane, i) => {
    // Recordings since the last response are no gap.
    const nowOfLane = Math.max(lane.covered.at(-1) ?? 0, nowMs.peek() - SAME_END_MS);
    const place = placeOf(i + 1, measures);
    const track = place.track - scene.scrolledPx;
    const wordOf = scene.shortWordOf.bind(undefined, lane);
    drawLane(sheet, scene.window, lane, { ...place, track }, nowOfLane);
    drawGapLabels(sheet, scene.window, lane.covered, { at: track, nowMs: nowOfLane, wordOf, isWithin: true, playhead });
  });
  context.restore();
}

function placeOf(i: number, measures: Measures): LanePosition {
  const { axis, text, laneHeight } = measures;
  const { track, comb, chosen } = rowsOf(measures);
  if (axis === 'y') {
    return { track: SIDE.track * text, width: TRACK_PX, comb: COMB_PX };
  }
  return i === 0 ? { track, width: TRACK_PX - 2, comb } : { track: chosen + (i - 0.5) * laneHeight, width: 5, comb: 0 };
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
    font: fontOf(element),
  };
}

const fontOf = (element: Element): string => `${0.75 * rootPx()}px ${getComputedStyle(element).fontFamily}`;

const rootPx = (): number => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;

/** 1 at the browser's usual text size. */
export const textScale = (): number => rootPx() / 16;
