import type { PathItem } from '../box/paths.ts';
import { canPlay } from './pair.ts';

/** What a tile says about its camera. */
export type CameraState =
  /** `joining`: the box is on its way to the camera. */
  | { readonly kind: 'live' | 'joining' | 'first' | 'reconnecting' }
  /** `untilMs`: Unix milliseconds at which it goes on by itself. */
  | { readonly kind: 'paused'; readonly untilMs?: number }
  | { readonly kind: 'late'; readonly seconds: number }
  /** `sinceMs`: Unix milliseconds. `why`: the box's words. */
  | { readonly kind: 'offline'; readonly sinceMs?: number; readonly why?: string }
  | { readonly kind: 'misconfigured'; readonly why: string }
  | { readonly kind: 'unplayable' };

/** What the player knows. */
export interface PictureState {
  readonly phase: 'stopped' | 'starting' | 'playing' | 'waiting' | 'unplayable';
  /** Unix milliseconds of the last frame; 0: none yet. */
  readonly lastFrameMs: number;
}

export const LATE_MS = 2_000;
export const RECONNECTING_MS = 10_000;

export function cameraState(item: PathItem, picture: PictureState, nowMs: number): CameraState {
  if (item.configError !== null) {
    return { kind: 'misconfigured', why: item.configError };
  }
  if (item.paused) {
    return { kind: 'paused', ...(item.pausedUntil === null ? {} : { untilMs: Date.parse(item.pausedUntil) }) };
  }
  const silentMs = picture.lastFrameMs === 0 ? Number.POSITIVE_INFINITY : nowMs - picture.lastFrameMs;
  if (!canPlay(item)) {
    if (silentMs <= RECONNECTING_MS) {
      return late(silentMs);
    }
    return isJoining(item) ? { kind: 'joining' } : offline(item);
  }
  if (picture.phase === 'unplayable') {
    return { kind: 'unplayable' };
  }
  if (picture.lastFrameMs === 0) {
    return { kind: picture.phase === 'waiting' ? 'reconnecting' : 'first' };
  }
  // A tile out of sight does not play: there is nothing to complain about.
  if (picture.phase === 'stopped') {
    return { kind: 'live' };
  }
  return silentMs > RECONNECTING_MS ? { kind: 'reconnecting' } : late(silentMs);
}

/** The box has only begun, and nothing has failed yet. */
const isJoining = ({ sourceState, lastError }: PathItem): boolean =>
  (sourceState === 'waiting' || sourceState === 'running') && lastError === null;

const late = (silentMs: number): CameraState =>
  silentMs > LATE_MS ? { kind: 'late', seconds: Math.floor(silentMs / 1000) } : { kind: 'live' };

function offline({ lastError, offlineSince }: PathItem): CameraState {
  return {
    kind: 'offline',
    ...(offlineSince === null ? {} : { sinceMs: Date.parse(offlineSince) }),
    ...(lastError === null ? {} : { why: lastError }),
  };
}
