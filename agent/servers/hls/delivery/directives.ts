import { PerchError } from '../../../base/errors.ts';
import type { HlsRendition, MediaPlaylist } from '../contracts/hls-muxer.ts';

/** Delivery directives, RFC 8216bis §6.2.5.1. */
export interface Directives {
  /** `_HLS_msn`: wait for this segment. */
  readonly msn: number | undefined;
  /** `_HLS_part`: or for this part of it. */
  readonly part: number | undefined;
  /** `_HLS_skip`: a playlist delta update. */
  readonly skip: 'no' | 'yes' | 'v2';
}

/** Advance Part Limit in seconds, RFC 8216bis §6.2.5.2. */
const ADVANCE_S = 3;
/** Limit of segments beyond the last whole one. */
const ADVANCE_SEGMENTS = 2;
const NUMBER = /^\d{1,15}$/;

/** @throws PerchError badInput */
export function parseDirectives(query: Readonly<Record<string, unknown>>): Directives {
  const msn = numberOf(query, '_HLS_msn');
  const part = numberOf(query, '_HLS_part');
  if (part !== undefined && msn === undefined) {
    throw new PerchError('badInput', '_HLS_part without _HLS_msn: a part is one of a segment');
  }
  // Playlists have no date ranges that v2 could skip. Any other value is ignored.
  const skip = query['_HLS_skip'];
  return { msn, part, skip: skip === 'YES' ? 'yes' : skip === 'v2' ? 'v2' : 'no' };
}

function numberOf(query: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = query[name];
  if (value === undefined) {
    return undefined;
  }
  if (typeof value !== 'string' || !NUMBER.test(value)) {
    throw new PerchError('badInput', `${name} is '${String(value).slice(0, 40)}': it takes a whole number`);
  }
  return Number(value);
}

/**
 * Whether a playlist holds the requested part, may hold it soon, or the request is out of reach (RFC 8216bis §6.2.5.2).
 */
export function standingOf(
  { segments, running, partTargetS }: MediaPlaylist,
  { msn, part }: Pick<Directives, 'msn' | 'part'>,
): 'there' | 'soon' | 'tooFar' {
  if (msn === undefined || partTargetS === undefined) {
    return 'there';
  }
  const last = segments.at(-1);
  const runningNumber = running?.number ?? (last?.number ?? -1) + 1;
  const lastNumber = runningNumber - 1;
  const begun = running?.parts.length ?? 0;
  if (msn > lastNumber + ADVANCE_SEGMENTS) {
    return 'tooFar';
  }
  if (part === undefined) {
    return msn <= lastNumber ? 'there' : 'soon';
  }
  if (msn < lastNumber) {
    return 'there';
  }
  if (msn === lastNumber) {
    // A part beyond the end of its segment is the first one of the next segment.
    return part < (last?.parts.length ?? 0) || begun > 0 ? 'there' : 'soon';
  }
  const ahead = part - (msn === runningNumber ? begun : 0);
  return ahead < 0
    ? 'there'
    : ahead >= Math.max(1, Math.ceil(ADVANCE_S / Math.min(1, partTargetS)))
      ? 'tooFar'
      : 'soon';
}

/** @throws PerchError badInput if out of reach */
export function standing({ playlist }: HlsRendition, directives: Directives): 'there' | 'soon' {
  if (!playlist) {
    return 'soon';
  }
  const answer = standingOf(playlist, directives);
  if (answer === 'tooFar') {
    const last = playlist.segments.at(-1)?.number ?? -1;
    const asked = `${directives.msn}${directives.part === undefined ? '' : `, part ${directives.part}`}`;
    throw new PerchError('badInput', `segment ${asked} is too far ahead: the last one is ${last}`);
  }
  return answer;
}
