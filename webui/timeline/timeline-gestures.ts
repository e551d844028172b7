import { shareOf } from './draw.ts';
import type { GestureTarget } from './gestures.ts';
import { hoverShare } from './hover-preview.tsx';
import type { Mark } from './lane.ts';
import { laneFor } from './lane-data.ts';
import { atMs, camera, fromMs, LEAD_MS, scrub, scrubMs, seek, showWindow, spans, toMs, zoom } from './view.ts';

/** Hit distance of a mark. */
const HIT_PX = 14;
/** Upright, marks have thumbnails next to them. */
const PICTURE_HIT_PX = 24;

/** Gestures: upright, the time moves under the playhead; horizontal, the playhead moves. */
export function timelineGestures(
  element: HTMLElement,
  axis: 'x' | 'y',
  /** @returns true if another camera's lane was tapped */
  onLane: (atPx: number, event: PointerEvent) => boolean,
  /** @returns true if the lanes do not fit */
  onScroll: (atPx: number, byPx: number) => boolean,
): GestureTarget {
  const length = () => Math.max(1, axis === 'x' ? element.clientWidth : element.clientHeight);
  const msPerPx = () => (toMs.peek() - fromMs.peek()) / length();
  const momentAt = (px: number) => fromMs.peek() + px * msPerPx();
  const pan = (byPx: number) =>
    showWindow({ fromMs: fromMs.peek() - byPx * msPerPx(), toMs: toMs.peek() - byPx * msPerPx() });
  return {
    along: ({ clientX, clientY }) => {
      const box = element.getBoundingClientRect();
      return axis === 'x' ? clientX - box.left : box.bottom - clientY;
    },
    drag: (byPx, atPx) => {
      if (axis === 'y') {
        scrub(withinRecorded((atMs.peek() ?? momentAt(length() / 2)) - byPx * msPerPx()));
        return;
      }
      const beyond = atPx < 0 ? atPx : Math.max(0, atPx - length());
      if (beyond !== 0) {
        pan(-beyond / 4);
      }
      scrub(withinRecorded(momentAt(Math.min(length(), Math.max(0, atPx)))));
    },
    rolls: axis === 'y',
    pan: (byPx) => {
      if (axis === 'y') {
        seek(withinRecorded((atMs.peek() ?? 0) - byPx * msPerPx()));
      } else {
        pan(byPx);
      }
    },
    rest: () => {
      const ms = scrubMs.peek();
      if (ms !== undefined) {
        seek(ms);
      }
    },
    scroll: (byPx, clientY) => onScroll(clientY - element.getBoundingClientRect().top, byPx),
    zoom: (factor, atPx) => zoom(factor, momentAt(atPx)),
    tap: (atPx, event) => {
      if (onLane(event.clientY - element.getBoundingClientRect().top, event)) {
        return;
      }
      const mark = markAt(atPx, length(), axis === 'y' ? PICTURE_HIT_PX : HIT_PX);
      seek(withinRecorded(mark ? mark.startMs - LEAD_MS : momentAt(atPx)));
    },
    hover: (atPx) => {
      hoverShare.value = atPx === undefined ? undefined : atPx / length();
    },
  };
}

/** Limits the view to the recordings. */
function withinRecorded(ms: number): number {
  const all = spans.peek();
  const [first, last] = [all[0], all.at(-1)];
  // Spans are rounded down, so their first frame is up to a millisecond later.
  return first && last ? Math.min(last.endMs, Math.max(first.startMs + 1, ms)) : ms;
}

/** The nearest mark within reach. */
function markAt(atPx: number, length: number, hitPx: number): Mark | undefined {
  const window = { fromMs: fromMs.peek(), toMs: toMs.peek() };
  const name = camera.peek();
  const away = ({ startMs }: Mark) => Math.abs(shareOf(window, startMs) * length - atPx);
  const near = name === undefined ? [] : laneFor(name, window).events.filter((mark) => away(mark) <= hitPx);
  return near.reduce<Mark | undefined>((best, mark) => (!best || away(mark) < away(best) ? mark : best), undefined);
}
