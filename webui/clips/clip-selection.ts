import {
  atMs,
  clip,
  fromMs,
  isPlayheadFixed,
  pause,
  scrub,
  scrubMs,
  seek,
  showWindow,
  spans,
  toMs,
} from '../timeline/view.ts';
import { type Clip, clipAround, endingAt, startingAt } from './clip.ts';

/** Length of the window in lengths of the clip: a new one has room for its ends. */
const NEW_IN = 8;
const WHOLE_IN = 2.5;

/** Selects fifteen seconds before and after the picture, and zooms in so that the ends can be moved. */
export function createClip(): void {
  const at = atMs.peek();
  if (at !== undefined && spans.peek().length > 0) {
    clip.value = clipAround(spans.peek(), at);
    const { startMs, endMs } = clip.peek() as Clip;
    // Never zooms out.
    if (toMs.peek() - fromMs.peek() > NEW_IN * (endMs - startMs)) {
      showAround({ startMs, endMs }, NEW_IN);
    }
  }
}

export function clearClip(): void {
  clip.value = undefined;
}

/** Shows the whole clip. */
export const zoomToClip = (whole: Clip): void => showAround(whole, WHOLE_IN);

function showAround({ startMs, endMs }: Clip, times: number): void {
  const half = (times * (endMs - startMs)) / 2;
  const middle = (startMs + endMs) / 2;
  showWindow({ fromMs: middle - half, toMs: middle + half });
}

export type End = 'start' | 'end';

export function moveEnd(end: End, ms: number): void {
  const marked = clip.peek();
  if (marked) {
    clip.value = (end === 'start' ? startingAt : endingAt)(spans.peek(), marked, ms);
  }
}

/** Moves an end to the picture. */
export function setEndHere(end: End): void {
  const at = atMs.peek();
  if (at !== undefined) {
    moveEnd(end, at);
  }
}

/** The picture follows the dragged end. With a fixed playhead, the time stays under the finger. */
export function previewEnd(end: End): void {
  const marked = clip.peek();
  if (!marked) {
    return;
  }
  const ms = momentOf(marked, end);
  if (isPlayheadFixed.peek()) {
    scrubMs.value = ms;
  } else {
    scrub(ms);
  }
}

/** The drag has ended; its picture stays. */
export function commitEnd(end: End): void {
  const marked = clip.peek();
  if (marked) {
    pause();
    seek(momentOf(marked, end), false);
  }
}

export const momentOf = ({ startMs, endMs }: Clip, end: End): number => (end === 'start' ? startMs : endMs);
