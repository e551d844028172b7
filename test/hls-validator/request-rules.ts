import type { Media } from './playlist.ts';
import { endOf } from './playlist-rules.ts';

/** The delivery directives of a request for a media playlist. */
export interface Directives {
  readonly msn?: number;
  readonly part?: number;
  readonly skip?: boolean;
}

export interface PlaylistAnswer {
  readonly directives: Directives;
  readonly status: number;
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly contentType: string | undefined;
  /** Undefined where the status is not 200. */
  readonly media: Media | undefined;
}

/** A blocking request for longer than this is given up by the server (RFC 8216bis §6.2.5.2). */
const MAX_WAIT_TARGETS = 3;
const PLAYLIST_TYPES = /^(application\/vnd\.apple\.mpegurl|audio\/mpegurl)\b/i;

/** How one request was answered. @param known the newest whole playlist that the client had when it asked */
export function brokenByAnswer(answer: PlaylistAnswer, known: Media | undefined): string[] {
  const { directives, status, media } = answer;
  const asked = `_HLS_msn=${directives.msn} _HLS_part=${directives.part}`;
  if (directives.part !== undefined && directives.msn === undefined) {
    return status === 400 ? [] : [`blocking: _HLS_part without _HLS_msn answered with ${status}, not 400`];
  }
  if (known && directives.msn !== undefined && directives.msn > endOf(known).msn + 3) {
    return status === 400
      ? []
      : [`blocking: ${asked} is far ahead of ${endOf(known).msn}, answered with ${status}, not 400`];
  }
  if (!media && known && hasGivenUp(answer, known)) {
    return [];
  }
  if (!media) {
    return [`blocking: ${asked} answered with ${status}`];
  }
  const found: string[] = [];
  if (!PLAYLIST_TYPES.test(answer.contentType ?? '')) {
    found.push(`content type: a playlist came as ${answer.contentType}`);
  }
  if (media.skipped !== undefined && directives.skip !== true) {
    found.push('update: came without being asked for');
  }
  if (!holds(media, directives)) {
    found.push(`blocking: ${asked} answered at ${endOf(media).msn}/${endOf(media).part}`);
  }
  const heldMs = answer.answeredMs - answer.askedMs;
  if (known && heldMs > MAX_WAIT_TARGETS * known.targetDurationS * 1000 + GRACE_MS) {
    found.push(`blocking: ${asked} was held for ${heldMs} ms, target duration ${known.targetDurationS} s`);
  }
  const excess = excessSegments(media, directives, known);
  return excess > 0 ? [...found, `blocking: ${asked} was held until ${excess} more segments were there`] : found;
}

/** After three target durations without news the server answers an error, and the client asks again (RFC 8216bis §6.2.5.2). */
export function hasGivenUp(
  { status, askedMs, answeredMs }: Pick<PlaylistAnswer, 'status' | 'askedMs' | 'answeredMs'>,
  { targetDurationS }: Media,
): boolean {
  return status === 503 && answeredMs - askedMs >= MAX_WAIT_TARGETS * targetDurationS * 1000;
}

/** A machine with other work to do. */
const GRACE_MS = 1000;

/** The asked part, or its segment as a whole, is in the playlist: a part beyond the end of a segment is the first of the next one. */
export function holds(media: Media, { msn, part }: Directives): boolean {
  if (msn === undefined) {
    return true;
  }
  const lastWhole = media.segments.at(-1)?.number ?? media.mediaSequence + (media.skipped ?? 0) - 1;
  const runningParts = media.running?.parts.length ?? 0;
  if (part === undefined) {
    return lastWhole >= msn;
  }
  const whole = media.segments.find(({ number }) => number === msn);
  if (whole && whole.parts.length > 0 && part >= whole.parts.length) {
    return lastWhole > msn || runningParts > 0;
  }
  return lastWhole >= msn || (media.running?.number === msn && runningParts > part);
}

/** Complete segments after the requested one, which did not exist at the request: the answer came far too late. */
function excessSegments(media: Media, directives: Directives, known: Media | undefined): number {
  if (!known || directives.msn === undefined || holds(known, directives)) {
    return 0;
  }
  return Math.max(0, (media.segments.at(-1)?.number ?? 0) - directives.msn - 1);
}
