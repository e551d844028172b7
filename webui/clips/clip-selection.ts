import { atMs, clip, fixedPlayhead, fromMs, halt, scrub, scrubMs, seek, show, spans, toMs } from '../timeline/view.ts';
import { type Clip, clipAround, endingAt, startingAt } from './clip.ts';

/** What a clip is cut from is shown with it. */
const SHOWN_TIMES = 8;

/** Fifteen seconds before and after the picture; closer, so that the ends can be moved. */
export function mark(): void {
  const at = atMs.peek();
  if (at !== undefined && spans.peek().length > 0) {
    clip.value = clipAround(spans.peek(), at);
    comeCloser(clip.peek() as Clip);
  }
}

export function unmark(): void {
  clip.value = undefined;
}

/** Never further away than it was. */
export function comeCloser({ startMs, endMs }: Clip): void {
  const length = SHOWN_TIMES * (endMs - startMs);
  if (toMs.peek() - fromMs.peek() > length) {
    const middle = (startMs + endMs) / 2;
    show({ fromMs: middle - length / 2, toMs: middle + length / 2 });
  }
}

export type End = 'start' | 'end';

export function moveEnd(end: End, ms: number): void {
  const marked = clip.peek();
  if (marked) {
    clip.value = (end === 'start' ? startingAt : endingAt)(spans.peek(), marked, ms);
  }
}

/** That end comes to where the picture is. */
export function endHere(end: End): void {
  const at = atMs.peek();
  if (at !== undefined) {
    moveEnd(end, at);
  }
}

/** The picture follows the end that a finger moves; where the playhead is fixed the time stays under the finger. */
export function showEnd(end: End): void {
  const marked = clip.peek();
  if (!marked) {
    return;
  }
  const ms = momentOf(marked, end);
  if (fixedPlayhead.peek() === undefined) {
    scrub(ms);
  } else {
    scrubMs.value = ms;
  }
}

/** The finger has left the end: its picture stays. */
export function restAt(end: End): void {
  const marked = clip.peek();
  if (marked) {
    halt();
    seek(momentOf(marked, end), false);
  }
}

export const momentOf = ({ startMs, endMs }: Clip, end: End): number => (end === 'start' ? startMs : endMs);
