import type { Bounds, VideoSurface } from './video-surface.ts';

/** A picture on its way from one place of the page to another. */
export interface Transition {
  readonly still: HTMLCanvasElement;
  readonly from: Bounds;
}

const EASE = 'cubic-bezier(.2,.8,.2,1)';
const GROW_MS = 240;
/** Leaving takes two thirds. */
const SHRINK_MS = 160;
const WIDTH_LIMIT_PX = 960;

/** Of what was seen there. Undefined where nothing is to move, or nothing was to be seen. */
export function captureTransition(surface: VideoSurface, from: Bounds): Transition | undefined {
  const isWanted = !matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (!isWanted || from.top > window.innerHeight || from.top + from.height < 0) {
    return undefined;
  }
  const still = document.createElement('canvas');
  still.width = Math.round(Math.min(WIDTH_LIMIT_PX, from.width * devicePixelRatio));
  still.height = Math.round((still.width * from.height) / from.width);
  const context = still.getContext('2d');
  return context && surface.drawTo(context, still.width, still.height) ? { still, from } : undefined;
}

/**
 * Moves a still to where the picture stands now, and shows what is below when it is there: the size of a video that
 * plays is never animated.
 * @param veiled what is not seen meanwhile
 */
export function playTransition({ still, from }: Transition, surface: VideoSurface, veiled: Element): void {
  const to = surface.bounds();
  if (!to) {
    return;
  }
  const { left, top, width, height } = to;
  Object.assign(still.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  still.className = 'picture-transition';
  still.setAttribute('aria-hidden', 'true');
  // Controls lie over the large picture, also while it comes.
  (veiled.closest('.camera-view') ?? document.body).append(still);
  const duration = width > from.width ? GROW_MS : SHRINK_MS;
  veiled.animate({ opacity: [0, 0] }, { duration });
  const begin = `translate(${from.left - left}px, ${from.top - top}px) scale(${from.width / width}, ${from.height / height})`;
  const moving = still.animate({ transform: [begin, 'none'] }, { duration, easing: EASE });
  moving.finished.catch(() => {}).finally(() => still.remove());
}
