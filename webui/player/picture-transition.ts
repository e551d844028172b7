import type { Bounds, VideoSurface } from './video-surface.ts';

/** A picture that moves from one page to another. */
export interface Transition {
  readonly still: HTMLCanvasElement;
  readonly from: Bounds;
}

const EASE = 'cubic-bezier(.2,.8,.2,1)';
const GROW_MS = 240;
/** Leaving is shorter. */
const SHRINK_MS = 160;
const MAX_WIDTH_PX = 960;

/** From the picture's former place. Undefined without a picture or movement. */
export function captureTransition(surface: VideoSurface, from: Bounds): Transition | undefined {
  const isWanted = !matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (!isWanted || from.top > window.innerHeight || from.top + from.height < 0) {
    return undefined;
  }
  const still = document.createElement('canvas');
  still.width = Math.round(Math.min(MAX_WIDTH_PX, from.width * devicePixelRatio));
  still.height = Math.round((still.width * from.height) / from.width);
  const context = still.getContext('2d');
  return context && surface.drawTo(context, still.width, still.height) ? { still, from } : undefined;
}

/**
 * Animates a still to the new place and then shows the video: the size of a playing video is never animated.
 * @param veiled hidden meanwhile
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
  // Controls lie over the large picture during the animation as well.
  (veiled.closest('.camera-view') ?? document.body).append(still);
  const duration = width > from.width ? GROW_MS : SHRINK_MS;
  veiled.animate({ opacity: [0, 0] }, { duration });
  const begin = `translate(${from.left - left}px, ${from.top - top}px) scale(${from.width / width}, ${from.height / height})`;
  const moving = still.animate({ transform: [begin, 'none'] }, { duration, easing: EASE });
  moving.finished.catch(() => {}).finally(() => still.remove());
}
