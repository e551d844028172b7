import { effect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { longDay } from '../words/dates.ts';
import { clockSeconds } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { recordingsWords } from '../words/recordings.ts';
import { type Palette, shareOf } from './draw.ts';
import { watchGestures } from './gestures.ts';
import { HoverPreview } from './hover-preview.tsx';
import { isCovered } from './lane.ts';
import { laneFor, refreshLanes } from './lane-data.ts';
import {
  heightOfLanes,
  type LaneCamera,
  laneAt,
  type Measures,
  paint,
  paletteOf,
  recordedNow,
  rowsOf,
  type Scene,
  sceneOf,
  textScale,
} from './scene.ts';
import { timelineGestures } from './timeline-gestures.ts';
import { atMs, fromMs, lanesScrolledPx, toMs } from './view.ts';

interface TimelineProps {
  readonly axis: 'x' | 'y';
  /** The chosen camera first. */
  readonly cameras: readonly LaneCamera[];
  readonly laneHeight: number;
  /** Below a live picture. */
  readonly isStrip?: boolean;
  /** Another camera's lane was tapped. */
  readonly onLane: (name: string, isSynced: boolean) => void;
  /** Scrolls the other lanes. @returns false if all are visible */
  readonly onScroll?: (byPx: number) => boolean;
  /** Overlays along the window. */
  readonly children?: ComponentChildren;
}

/** Recordings and events of all cameras on one canvas, with the playhead. */
export function Timeline(props: TimelineProps) {
  const { axis, cameras, laneHeight, isStrip = false, onLane, onScroll, children } = props;
  const track = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const playhead = useRef<HTMLDivElement>(null);
  const box = useBox(track);
  const text = textScale();
  const measures: Measures = { axis, ...box, laneHeight, text, isStrip };
  const rows = rowsOf(measures);
  const along = axis === 'x' ? box.width : box.height;
  usePainting(canvas, playhead, cameras, measures);
  useEffect(() => refreshLanes(), []);
  const latest = useRef({ cameras, laneHeight, rows, onLane, onScroll });
  latest.current = { cameras, laneHeight, rows, onLane, onScroll };
  useEffect(() => {
    const tapLane = (px: number, { shiftKey }: PointerEvent) => {
      const { cameras: all, laneHeight: height, rows: at, onLane: tell } = latest.current;
      const name = axis === 'x' ? all[laneAt(px, height, at, lanesScrolledPx.peek())]?.name : undefined;
      if (name !== undefined && name !== all[0]?.name) {
        tell(name, shiftKey);
        return true;
      }
      return false;
    };
    const scrollLanes = (px: number, byPx: number) =>
      px >= latest.current.rows.chosen && latest.current.onScroll?.(byPx) === true;
    const { current } = track;
    return current ? watchGestures(current, timelineGestures(current, axis, tapLane, scrollLanes)) : undefined;
  }, [axis]);
  const height = axis === 'x' ? `${heightOfLanes(cameras.length - 1, laneHeight, rows)}px` : undefined;
  return (
    <div class="time" data-axis={axis} ref={track} style={height === undefined ? {} : { height }}>
      <canvas ref={canvas} />
      <Slider axis={axis} />
      <div class="playhead" ref={playhead} aria-hidden="true">
        <Pill />
      </div>
      <div class="over-time">
        {children}
        {cameras[0] && <ZoomHint name={cameras[0].name} />}
      </div>
      {axis === 'x' && <HoverPreview along={along} camera={cameras[0]?.name} />}
    </div>
  );
}

/** Distance at which events are grouped. */
function ZoomHint({ name }: { readonly name: string }) {
  return laneFor(name, { fromMs: fromMs.value, toMs: toMs.value }).isCounted ? (
    <p class="zoom-hint">{recordingsWords.value.zoomForEach}</p>
  ) : null;
}

/** A component of its own, because it changes each second. */
function Pill() {
  const at = atMs.value;
  return at === undefined ? null : <b class="digits">{clockSeconds(at, i18n().language)}</b>;
}

function Slider({ axis }: { readonly axis: 'x' | 'y' }) {
  const { language } = i18n();
  const words = recordingsWords.value;
  // Rounded to seconds for screen readers.
  const second = Math.floor((atMs.value ?? 0) / 1000);
  const isRecorded = isCovered(recordedNow(), second * 1000 + 999);
  const day = longDay(second * 1000, language);
  return (
    <div
      class="slider"
      role="slider"
      tabIndex={0}
      aria-label={words.timeline}
      aria-orientation={axis === 'x' ? 'horizontal' : 'vertical'}
      aria-valuemin={Math.floor(fromMs.value / 1000)}
      aria-valuemax={Math.ceil(toMs.value / 1000)}
      aria-valuenow={second}
      aria-valuetext={`${day}, ${clockSeconds(second * 1000, language)}, ${isRecorded ? words.recorded : words.noRecording}`}
    />
  );
}

interface Box {
  readonly width: number;
  readonly height: number;
}

function useBox(element: { readonly current: HTMLElement | null }): Box {
  const [box, setBox] = useState<Box>({ width: 0, height: 0 });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry) {
        const { width, height } = entry.contentRect;
        setBox({ width, height });
      }
    });
    if (element.current) {
      observer.observe(element.current);
    }
    return () => observer.disconnect();
  }, [element]);
  return box;
}

/** Draws once per animation frame, and only after changes. */
function usePainting(
  canvas: { readonly current: HTMLCanvasElement | null },
  playhead: { readonly current: HTMLElement | null },
  cameras: readonly LaneCamera[],
  measures: Measures,
): void {
  const names = cameras.map(({ name, offlineSinceMs }) => `${name} ${offlineSinceMs}`).join('\n');
  const { axis, width, height, text, laneHeight, isStrip } = measures;
  useEffect(() => {
    let frame = 0;
    let scene: Scene | undefined;
    let palette: Palette | undefined;
    const show = () => {
      frame = 0;
      if (canvas.current && playhead.current && scene) {
        palette ??= paletteOf(canvas.current);
        paint(canvas.current, scene, measures, palette);
        movePlayhead(playhead.current, scene, measures);
      }
    };
    const ask = () => {
      frame ||= requestAnimationFrame(show);
    };
    const stop = effect(() => {
      scene = sceneOf(cameras, measures);
      ask();
    });
    const stopColours = onColours(() => {
      palette = undefined;
      ask();
    });
    return () => {
      stop();
      stopColours();
      cancelAnimationFrame(frame);
    };
  }, [names, axis, width, height, text, laneHeight, isStrip]);
}

/** Outside the window, its time stays at that end. */
function movePlayhead(playhead: HTMLElement, { window, atMs: at }: Scene, { axis, width, height }: Measures): void {
  const share = at === undefined ? 0 : shareOf(window, at);
  const along = axis === 'x' ? width : height;
  const px = Math.min(1, Math.max(0, axis === 'x' ? share : 1 - share)) * along;
  playhead.hidden = at === undefined;
  playhead.toggleAttribute('data-away', share < 0 || share > 1);
  playhead.style.setProperty('--at', `${px}px`);
  playhead.style.setProperty('--along', `${along}px`);
}

/** Redraws when the theme changes. */
function onColours(listener: () => void): () => void {
  const queries = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) => matchMedia(query));
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  for (const query of queries) {
    query.addEventListener('change', listener);
  }
  return () => {
    observer.disconnect();
    for (const query of queries) {
      query.removeEventListener('change', listener);
    }
  };
}
