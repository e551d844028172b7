import { batch, computed, signal } from '@preact/signals';
import type { Span } from '../api-client/recordings.ts';
import { shiftedTo, type TimeWindow, timeWindow, zoomed } from './time-window.ts';

/** What the recordings page shows: one moment, one window of time, one camera, for all of its parts. Unix milliseconds. */

/** Who goes to an event sees what led to it. */
export const LEAD_MS = 3_000;
/** With the chosen one there are four: what a phone can decode. */
const MAX_SYNCED = 3;
const FIRST_WINDOW_MS = 4 * 3_600_000;

/** The path whose recordings are looked at. */
export const camera = signal<string | undefined>(undefined);
/** What there is of it, oldest first. */
export const spans = signal<readonly Span[]>([]);
/** The moment of the picture; undefined until one was chosen. */
export const atMs = signal<number | undefined>(undefined);

const shown = signal<TimeWindow>(timeWindow(FIRST_WINDOW_MS, Date.now(), 0.9));
export const fromMs = computed(() => shown.value.fromMs);
export const toMs = computed(() => shown.value.toMs);

export const isPlaying = signal(false);
/** 0.25 to 16. */
export const speed = signal(1);
/** How far the other cameras' lanes are scrolled up under the chosen one, in pixels. */
export const lanesScrolledPx = signal(0);
/** What is marked. */
export const clip = signal<{ readonly startMs: number; readonly endMs: number } | undefined>(undefined);

/** While a finger looks for a moment: its picture as soon as one is near. */
export const scrubMs = signal<number | undefined>(undefined);

/** Where the player is sent; a new object sends it again. */
export const seekTarget = signal<{ readonly toMs: number; readonly plays: boolean } | undefined>(undefined);

/** One picture on or back; a new object steps again. */
export const frameStep = signal<{ readonly by: -1 | 1 } | undefined>(undefined);
/** Cameras that play in step with the chosen one. */
export const syncedCameras = signal<readonly string[]>([]);

/** On a phone the playhead stays, and the time moves under it; the share of the window that lies before it. */
export const fixedPlayhead = signal<number | undefined>(undefined);

/** The picture goes to that moment. In a gap it stays black. @param plays as it did before when not given */
export function seek(ms: number, plays = isPlaying.peek()): void {
  batch(() => {
    scrubMs.value = undefined;
    seekTarget.value = { toMs: ms, plays };
    isPlaying.value = plays;
    setMoment(ms);
  });
}

/** A finger is at that moment: the nearest picture at once, the exact one when it rests; `seek` ends it. */
export function scrub(ms: number): void {
  batch(() => {
    scrubMs.value = ms;
    atMs.value = ms;
    const share = fixedPlayhead.peek();
    if (share !== undefined) {
      shown.value = timeWindow(lengthMs(), ms, share);
    }
  });
}

/** The player has come to that moment. */
export function setMoment(ms: number): void {
  batch(() => {
    atMs.value = ms;
    const share = fixedPlayhead.peek();
    const before = shown.peek();
    const next = share === undefined ? shiftedTo(before, ms) : timeWindow(lengthMs(), ms, share);
    if (next.fromMs !== before.fromMs || next.toMs !== before.toMs) {
      shown.value = next;
    }
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

/** `factor` above 1 shows more detail. @param aroundMs stays where it is; the playhead when not given */
export function zoom(factor: number, aroundMs?: number): void {
  const share = fixedPlayhead.peek();
  const at = atMs.peek();
  const middleMs = (fromMs.peek() + toMs.peek()) / 2;
  const isSeen = at !== undefined && at >= fromMs.peek() && at <= toMs.peek();
  const around = share === undefined ? (aroundMs ?? (isSeen ? at : middleMs)) : (at ?? middleMs);
  shown.value = zoomed(shown.peek(), factor, around);
}

/** Shows that window; where the playhead is fixed as much time around it. */
export function showWindow(window: TimeWindow): void {
  const share = fixedPlayhead.peek();
  const at = atMs.peek();
  const length = window.toMs - window.fromMs;
  shown.value =
    share === undefined || at === undefined ? timeWindow(length, window.fromMs, 0) : timeWindow(length, at, share);
}

/** Nobody looks any more. */
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

/** Another camera begins to play in step with the chosen one, or ends it. */
export function toggleSynced(name: string): void {
  const before = syncedCameras.peek();
  syncedCameras.value = before.includes(name)
    ? before.filter((one) => one !== name)
    : [...before, name].slice(-MAX_SYNCED);
}

const lengthMs = (): number => toMs.peek() - fromMs.peek();

/** Another camera: its moment and window stay, what was marked goes. */
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
