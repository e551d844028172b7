import { PerchError } from '../../../base/errors.ts';
import type { MediaPlaylist } from '../contracts/hls-muxer.ts';

/** What a player of low latency asks of a media playlist (RFC 8216bis §6.2.5.1). */
export interface Directives {
  /** `_HLS_msn`: not before it holds this segment. */
  readonly msn: number | undefined;
  /** `_HLS_part`: or this part of it. */
  readonly part: number | undefined;
  /** `_HLS_skip`: only what is new. */
  readonly skip: 'no' | 'yes' | 'v2';
}

/** As many seconds ahead as players may ask for parts (Advance Part Limit, RFC 8216bis §6.2.5.2). */
const ADVANCE_S = 3;
/** Beyond the last whole segment. */
const ADVANCE_SEGMENTS = 2;
const NUMBER = /^\d{1,15}$/;

/** @throws PerchError badInput */
export function parseDirectives(query: Readonly<Record<string, unknown>>): Directives {
  const msn = numberOf(query, '_HLS_msn');
  const part = numberOf(query, '_HLS_part');
  if (part !== undefined && msn === undefined) {
    throw new PerchError('badInput', '_HLS_part without _HLS_msn: a part is one of a segment');
  }
  // There are no date ranges that v2 could leave out. Any other value is no wish that is known.
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

/** Whether a playlist already holds what is waited for, may do so soon, or is asked for something out of reach (RFC 8216bis §6.2.5.2). */
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
    // A part that the segment did not get is the first of the next one.
    return part < (last?.parts.length ?? 0) || begun > 0 ? 'there' : 'soon';
  }
  const ahead = part - (msn === runningNumber ? begun : 0);
  return ahead < 0
    ? 'there'
    : ahead >= Math.max(1, Math.ceil(ADVANCE_S / Math.min(1, partTargetS)))
      ? 'tooFar'
      : 'soon';
}
