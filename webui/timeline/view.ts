import { batch, computed, signal } from '@preact/signals';
import type { Span } from '../api-client/recordings/recordings.ts';
import { endedAhead, notAhead, shiftedTo, type TimeWindow, timeWindow, uprightShare, zoomed } from './time-window.ts';

/** State of the recordings page: moment, window and camera. Unix milliseconds. */

/** Lead before an event. */
export const LEAD_MS = 3_000;
const FIRST_WINDOW_MS = 4 * 3_600_000;

/** The chosen path. */
export const camera = signal<string | undefined>(undefined);
/** Its recordings, oldest first. */
export const spans = signal<readonly Span[]>([]);
/** Moment of the picture; undefined until chosen. */
export const atMs = signal<number | undefined>(undefined);

const shownWindow = signal<TimeWindow>(timeWindow(FIRST_WINDOW_MS, Date.now(), 0.9));
export const fromMs = computed(() => shownWindow.value.fromMs);
export const toMs = computed(() => shownWindow.value.toMs);

export const isPlaying = signal(false);
/** 0.25 to 16. */
export const speed = signal(1);
/** Scroll offset of the other lanes in pixels. */
export const lanesScrolledPx = signal(0);
/** The selection. */
export const clip = signal<{ readonly startMs: number; readonly endMs: number } | undefined>(undefined);

/** While scrubbing: shows the nearest frame at once. */
export const scrubMs = signal<number | undefined>(undefined);

/** Target of the player; a new object seeks again. */
export const seekTarget = signal<{ readonly toMs: number; readonly plays: boolean } | undefined>(undefined);

/** Frame step; a new object steps again. */
export const frameStep = signal<{ readonly by: -1 | 1 } | undefined>(undefined);
/** Cameras that play in sync. */
export const syncedCameras = signal<readonly string[]>([]);

/** Whether the playhead is fixed and the time moves under it, as on phones. */
export const isPlayheadFixed = signal(false);

/** Seeks to a moment. In a gap the picture stays black. @param plays default: as before */
export function seek(ms: number, plays = isPlaying.peek()): void {
  batch(() => {
    scrubMs.value = undefined;
    seekTarget.value = { toMs: ms, plays };
    isPlaying.value = plays;
    setMoment(ms);
  });
}

/** Scrubs: the nearest frame at once, the exact one at rest; `seek` ends it. */
export function scrub(ms: number): void {
  batch(() => {
    scrubMs.value = ms;
    atMs.value = ms;
    if (isPlayheadFixed.peek()) {
      show(shownWindow.peek());
    }
  });
}

/** Position of the player. */
export function setMoment(ms: number): void {
  batch(() => {
    atMs.value = ms;
    show(shiftedTo(shownWindow.peek(), ms));
  });
}

export function step(by: -1 | 1): void {
  batch(() => {
    isPlaying.value = false;
    frameStep.value = { by };
  });
}

export function play(): void {
  isPlaying.value = true;
}

export function pause(): void {
  isPlaying.value = false;
}

/** `factor` above 1 zooms in. @param aroundMs stays in place; default: the playhead */
export function zoom(factor: number, aroundMs?: number): void {
  const at = atMs.peek();
  const middleMs = (fromMs.peek() + toMs.peek()) / 2;
  const isSeen = at !== undefined && at >= fromMs.peek() && at <= toMs.peek();
  show(zoomed(shownWindow.peek(), factor, aroundMs ?? (isSeen ? at : middleMs)));
}

/** Shows a window; with a fixed playhead, its length around the playhead. */
export const showWindow = ({ fromMs, toMs }: TimeWindow): void => show(timeWindow(toMs - fromMs, fromMs, 0));

/** Shows a period from its start: of the present day only what has been. */
export const showPeriod = (period: TimeWindow): void => showWindow(endedAhead(period, latestMs()));

/** Now, or the newest recording. */
const latestMs = (): number => Math.max(Date.now(), spans.peek().at(-1)?.endMs ?? 0);

function show(window: TimeWindow): void {
  const at = atMs.peek();
  const before = shownWindow.peek();
  const length = window.toMs - window.fromMs;
  // A selection may end in the future, where a clip of a running recording does.
  const selection = clip.peek();
  const next =
    isPlayheadFixed.peek() && at !== undefined
      ? timeWindow(length, at, selection ? 0.5 : uprightShare(length))
      : notAhead(window, Math.max(latestMs(), selection?.endMs ?? 0));
  if (next.fromMs !== before.fromMs || next.toMs !== before.toMs) {
    shownWindow.value = next;
  }
}

/** Call it when the page is left. */
export function resetView(): void {
  batch(() => {
    camera.value = undefined;
    isPlaying.value = false;
    syncedCameras.value = [];
    clip.value = undefined;
    scrubMs.value = undefined;
    seekTarget.value = undefined;
  });
}

/** Starts or ends synchronized playback of a camera. */
export function toggleSynced(name: string): void {
  const before = syncedCameras.peek();
  // At most four with the chosen one: what phones can decode.
  syncedCameras.value = before.includes(name) ? before.filter((one) => one !== name) : [...before, name].slice(-3);
}

/** Changes the camera: moment and window stay, the selection is cleared. */
export function selectCamera(name: string): void {
  batch(() => {
    if (camera.peek() !== name) {
      camera.value = name;
      spans.value = [];
      seekTarget.value = undefined;
      clip.value = undefined;
      syncedCameras.value = syncedCameras.peek().filter((one) => one !== name);
      scrubMs.value = undefined;
    }
  });
}
