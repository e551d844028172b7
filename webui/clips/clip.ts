import type { CameraEvent } from '../api-client/recordings/event-list.ts';
import type { Span } from '../api-client/recordings/recordings.ts';
import type { Group } from '../cameras/sections.ts';

/** The box's limits for a film of several cameras: number of cameras, and length. */
export const MAX_FILM_CAMERAS = 16;
export const MAX_FILM_MS = 3_600_000;

/** Unix milliseconds. */
export interface Clip {
  readonly startMs: number;
  readonly endMs: number;
}

const AROUND_MS = 15_000;
const MIN_MS = 1_000;
/** The box's limit for a file. */
const MAX_MS = 6 * 3_600_000;

/** Fifteen seconds before and after a moment, within the recordings. */
export function clipAround(spans: readonly Span[], atMs: number): Clip {
  return within(spans, { startMs: atMs - AROUND_MS, endMs: atMs + AROUND_MS });
}

/** Moves the start; pushes the end if necessary. */
export function startingAt(spans: readonly Span[], { endMs }: Clip, ms: number): Clip {
  return within(spans, { startMs: ms, endMs: Math.min(Math.max(endMs, ms + MIN_MS), ms + MAX_MS) });
}

/** Moves the end; pushes the start if necessary. */
export function endingAt(spans: readonly Span[], { startMs }: Clip, ms: number): Clip {
  return within(spans, { startMs: Math.max(Math.min(startMs, ms - MIN_MS), ms - MAX_MS), endMs: ms });
}

/** Within the first and last recording. */
function within(spans: readonly Span[], { startMs, endMs }: Clip): Clip {
  const firstMs = spans[0]?.startMs ?? startMs;
  const lastMs = Math.max(spans.at(-1)?.endMs ?? endMs, firstMs + MIN_MS);
  const start = Math.round(Math.min(Math.max(startMs, firstMs), lastMs - MIN_MS));
  return { startMs: start, endMs: Math.round(Math.min(Math.max(endMs, start + MIN_MS), lastMs)) };
}

/** Gaps within the clip. */
export function gapsIn(spans: readonly Span[], { startMs, endMs }: Clip): readonly Clip[] {
  const gaps: Clip[] = [];
  let doneMs = startMs;
  for (const span of [...spans, { startMs: endMs, endMs }]) {
    if (span.endMs > doneMs && span.startMs < endMs + 1) {
      // Shorter gaps are ignored.
      if (span.startMs - doneMs >= 1_000) {
        gaps.push({ startMs: doneMs, endMs: span.startMs });
      }
      doneMs = span.endMs;
    }
  }
  return gaps;
}

/** Total length of its gaps. */
export const missingMs = (spans: readonly Span[], clip: Clip): number =>
  gapsIn(spans, clip).reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);

/** Characters that file systems reject. */
const UNSAFE = /[/\\:*?"<>|\p{Cc}]+/gu;

/** `Front door 2026-11-17 16.03.51.mp4`, in the browser's time zone. */
export function fileName(title: string, ms: number, ending: 'mp4' | 'jpg'): string {
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString();
  const name = Array.from(title.replace(UNSAFE, '_').trim()).slice(0, 100).join('');
  return `${name} ${local.slice(0, 10)} ${local.slice(11, 19).replaceAll(':', '.')}.${ending}`;
}

/** The camera of a clip, those with an event (none of the box's own) within it, and those of the same groups. @param known in their order */
export function filmCameras(
  path: string,
  { startMs, endMs }: Clip,
  events: readonly CameraEvent[],
  groups: readonly Group[],
  known: readonly string[],
): readonly string[] {
  const saw = events.filter(
    (event) => !event.type.startsWith('perch.') && event.startMs <= endMs && (event.endMs ?? event.startMs) >= startMs,
  );
  const names = new Set(saw.map((event) => event.path));
  for (const [, paths] of groups.filter(([, paths]) => paths.includes(path))) {
    for (const name of paths) {
      names.add(name);
    }
  }
  const others = known.filter((name) => names.has(name) && name !== path);
  return [path, ...others].slice(0, MAX_FILM_CAMERAS);
}
