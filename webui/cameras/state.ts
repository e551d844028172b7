import type { PathItem } from '../api-client/paths.ts';
import { canPlay } from './camera.ts';
import { type OfflineReason, offlineReasonOf } from './offline-reason.ts';

/** State of a tile. */
export type CameraState =
  /** `joining`: the box connects to the camera for the first time since it started. */
  | { readonly kind: 'live' | 'joining' | 'first' | 'reconnecting' | 'private' }
  /** `untilMs`: end of the pause in Unix milliseconds. */
  | { readonly kind: 'paused'; readonly untilMs?: number }
  | { readonly kind: 'late'; readonly seconds: number }
  /** `atMs`: time of the old picture in Unix milliseconds, while a new one is loading. */
  | { readonly kind: 'past'; readonly atMs: number }
  /** `sinceMs`: Unix milliseconds. `why`: the box's message, `word`: its code. */
  | { readonly kind: 'offline'; readonly sinceMs?: number; readonly why?: string; readonly word?: string }
  | { readonly kind: 'misconfigured'; readonly why: string }
  | { readonly kind: 'unplayable' };

/** State of the player. */
export interface PictureState {
  readonly phase: 'stopped' | 'starting' | 'playing' | 'waiting' | 'unplayable';
  /** Unix milliseconds of the last frame; 0: none yet. */
  readonly lastFrameMs: number;
  /** Unix milliseconds of the stored picture; 0: none. */
  readonly stillMs: number;
  /** It plays from a buffer that is filled by segments. */
  readonly isBuffered?: boolean;
}

const LATE_MS = 2_000;
/** Cameras with B-frames play by Media Source, whose pictures come in groups. */
const BUFFERED_LATE_MS = 6_000;
const RECONNECTING_MS = 10_000;
/** Most cameras are back within this time after a lost connection. */
const OFFLINE_MS = 20_000;

export function cameraState(item: PathItem, picture: PictureState, nowMs: number): CameraState {
  if (item.configError !== null) {
    return { kind: 'misconfigured', why: item.configError };
  }
  if (item.privacy) {
    return { kind: 'private' };
  }
  if (item.paused) {
    return { kind: 'paused', ...(item.pausedUntil === null ? {} : { untilMs: Date.parse(item.pausedUntil) }) };
  }
  const silentMs = picture.lastFrameMs === 0 ? Number.POSITIVE_INFINITY : nowMs - picture.lastFrameMs;
  if (!canPlay(item)) {
    // The player of an offline camera has stopped, and shows the last frame as a still.
    const seenMs = Math.max(picture.lastFrameMs, picture.stillMs);
    if (nowMs - seenMs <= RECONNECTING_MS) {
      return late(nowMs - seenMs);
    }
    return isComing(item, nowMs) ? { kind: item.hasBFrames === null ? 'joining' : 'reconnecting' } : offline(item);
  }
  if (picture.phase === 'unplayable') {
    return { kind: 'unplayable' };
  }
  if (picture.lastFrameMs === 0) {
    return until(picture.phase === 'waiting' ? 'reconnecting' : 'first', picture, nowMs);
  }
  // A tile outside the viewport does not play.
  if (picture.phase === 'stopped') {
    return { kind: 'live' };
  }
  return silentMs > RECONNECTING_MS
    ? { kind: 'reconnecting' }
    : late(silentMs, picture.isBuffered ? BUFFERED_LATE_MS : LATE_MS);
}

/** Reasons of outages that usually end by themselves. */
const PASSING: readonly string[] = ['refuses', 'closed', 'silent', 'noNetwork', 'unknown'] satisfies OfflineReason[];

/** The box connects to the camera: nothing has failed yet, or the stream ended a moment ago for a reason that passes. */
function isComing({ sourceState, lastError, lastErrorWhy, offlineSince }: PathItem, nowMs: number): boolean {
  if (sourceState !== 'waiting' && sourceState !== 'running') {
    return false;
  }
  const awayMs = nowMs - Date.parse(offlineSince ?? '');
  return lastError === null || (awayMs >= 0 && awayMs < OFFLINE_MS && PASSING.includes(offlineReasonOf(lastErrorWhy)));
}

/** State as the box reports it, with or without viewers. */
export const stateOfPath = (item: PathItem, nowMs: number): CameraState =>
  cameraState(item, { phase: 'stopped', lastFrameMs: canPlay(item) ? nowMs : 0, stillMs: 0 }, nowMs);

/** A stored picture shows its age. */
function until(kind: 'first' | 'reconnecting', picture: PictureState, nowMs: number): CameraState {
  const atMs = Math.max(picture.lastFrameMs, picture.stillMs);
  return atMs > 0 && nowMs - atMs > LATE_MS ? { kind: 'past', atMs } : { kind };
}

const late = (silentMs: number, limitMs = LATE_MS): CameraState =>
  silentMs > limitMs ? { kind: 'late', seconds: Math.floor(silentMs / 1000) } : { kind: 'live' };

function offline({ lastError, lastErrorWhy, offlineSince, box }: PathItem): CameraState {
  if (box?.awaySince) {
    return { kind: 'offline', sinceMs: Date.parse(box.awaySince), word: 'boxAway' };
  }
  return {
    kind: 'offline',
    ...(offlineSince === null ? {} : { sinceMs: Date.parse(offlineSince) }),
    ...(lastError === null ? {} : { why: lastError }),
    ...(lastErrorWhy === null ? {} : { word: lastErrorWhy }),
  };
}
