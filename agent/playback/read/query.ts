import { PerchError } from '../../base/errors.ts';
import { parseDuration } from '../../config/values/duration.ts';
import { isHours } from '../../config/values/hours.ts';
import { pathNameFault } from '../../config/values/path-name.ts';
import { MAX_SPEED, SPEEDS } from './fast-forward.ts';
import { requireRfc3339, type ZonedTime } from './rfc3339.ts';

export interface TimelineQuery {
  readonly path: string;
  readonly from: ZonedTime;
  readonly to: ZonedTime;
  /** Seconds, or undefined for automatic. */
  readonly resolution: number | undefined;
}

/** A parsed query string; a repeated name is a list. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export type GetFormat = 'fmp4' | 'mp4';

export interface GetQuery {
  readonly path: string;
  readonly startUs: number;
  /** Duration in recorded time, regardless of speed. */
  readonly durationUs: number;
  readonly format: GetFormat;
  /** Speed factor; only key frames are played. Undefined for normal playback. */
  readonly speed?: number | undefined;
  /** Omits gaps and continues after them; otherwise the download ends at the first. */
  readonly skipsGaps?: boolean | undefined;
}

export function queryText(query: Query, name: string): string | undefined {
  const value = query[name];
  return typeof value === 'string' ? value : value?.[0];
}

export function queryPath(query: Query): string {
  const path = queryText(query, 'path') ?? '';
  checkPathName(path);
  return path;
}

/** @throws PerchError badInput */
export function checkPathName(path: string): void {
  const fault = pathNameFault(path);
  if (fault) {
    throw new PerchError('badInput', `invalid path name: ${fault} (${path.slice(0, 200)})`);
  }
}

export function queryTime(query: Query, name: 'start' | 'end'): ZonedTime | undefined {
  const text = queryText(query, name);
  return text === undefined || text === '' ? undefined : requireRfc3339(name, text);
}

export function queryStart(query: Query): ZonedTime {
  return requireRfc3339('start', queryText(query, 'start') ?? '');
}

/** Parses seconds such as `200.5`, or a duration such as `3m20s`, to microseconds. */
export function queryDuration(query: Query): number {
  const text = queryText(query, 'duration') ?? '';
  const message = `invalid duration: '${text.slice(0, 64)}' is not a number of seconds`;
  let seconds = Number(text);
  if (text !== '' && !Number.isFinite(seconds)) {
    try {
      seconds = parseDuration(text) / 1000;
    } catch (cause) {
      throw new PerchError('badInput', message, {}, cause);
    }
  }
  if (text.trim() === '' || !(seconds >= 0) || seconds > 1e10) {
    throw new PerchError('badInput', message);
  }
  return Math.round(seconds * 1e6);
}

const MAX_FILM_CAMERAS = 16;
const MAX_FILM_SECONDS = 3_600;

export interface FilmQuery {
  readonly paths: readonly string[];
  readonly startUs: number;
  readonly durationUs: number;
}

/** The same time of several cameras: `path` is repeated. @throws PerchError badInput */
export function queryFilm(query: Query): FilmQuery {
  const paths = [...new Set([query['path'] ?? []].flat())];
  if (paths.length === 0 || paths.length > MAX_FILM_CAMERAS) {
    throw new PerchError('badInput', `${paths.length} paths are given, 1 to ${MAX_FILM_CAMERAS} are possible`);
  }
  paths.forEach(checkPathName);
  const durationUs = queryDuration(query);
  if (durationUs > MAX_FILM_SECONDS * 1e6) {
    throw new PerchError('badInput', `a film of several cameras has at most ${MAX_FILM_SECONDS} s`);
  }
  return { paths, startUs: queryStart(query).us, durationUs };
}

export function queryFormat(query: Query): GetFormat {
  const format = queryText(query, 'format') ?? '';
  if (format !== '' && format !== 'fmp4' && format !== 'mp4') {
    throw new PerchError('badInput', `invalid format: ${format.slice(0, 64)}`);
  }
  return format === 'mp4' ? 'mp4' : 'fmp4';
}

/** A whole number above those of `SPEEDS`. */
function lapseSpeed(text: string): number | undefined {
  const speed = /^[1-9]\d{1,3}$/.test(text) ? Number(text) : 0;
  return speed > Math.max(...SPEEDS) && speed <= MAX_SPEED ? speed : undefined;
}

export function querySpeed(query: Query): number | undefined {
  const text = queryText(query, 'speed') ?? '';
  const speed = SPEEDS.find((value) => String(value) === text) ?? lapseSpeed(text);
  if (speed === undefined && text !== '' && text !== '1') {
    const known = `none of 1, ${SPEEDS.join(', ')} and no whole number up to ${MAX_SPEED}`;
    throw new PerchError('badInput', `invalid speed: '${text.slice(0, 64)}' is ${known}`);
  }
  return speed;
}

export function querySkipsGaps(query: Query): boolean {
  const text = queryText(query, 'gaps') ?? '';
  if (text !== '' && text !== 'end' && text !== 'skip') {
    throw new PerchError('badInput', `invalid gaps: '${text.slice(0, 64)}' is neither end nor skip`);
  }
  return text === 'skip';
}

export interface TimelineRequest {
  readonly path: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Seconds. */
  readonly resolution: string | undefined;
}

export function timelineQuery({ path, from = '', to = '', resolution = '' }: TimelineRequest): TimelineQuery {
  checkPathName(path);
  const seconds = resolution === '' ? undefined : Number(resolution);
  if (seconds !== undefined && !Number.isFinite(seconds)) {
    throw new PerchError('badInput', `invalid resolution: '${resolution.slice(0, 64)}' is not a number of seconds`);
  }
  return { path, from: requireRfc3339('from', from), to: requireRfc3339('to', to), resolution: seconds };
}

export interface EventListQuery {
  /** Undefined for all since the first event. */
  readonly from: ZonedTime | undefined;
  readonly to: ZonedTime;
  readonly path: string | undefined;
  readonly types: readonly string[] | undefined;
  /** Name of a zone; undefined: anywhere. */
  readonly zone?: string | undefined;
  /** `next` of the previous page. */
  readonly before: string | undefined;
  readonly limit: number;
  /** Only events that the person has not seen. */
  readonly isUnseen: boolean;
}

export interface EventListRequest {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly path: string | undefined;
  readonly types: string | undefined;
  readonly zone?: string | undefined;
  readonly before: string | undefined;
  readonly limit: string | undefined;
  readonly unseen: string | undefined;
}

const DEFAULT_EVENTS = 50;
const MAX_EVENTS = 200;
const MAX_TYPES = 32;

export interface ReviewRequest extends EventListRequest {
  readonly hours: string | undefined;
  readonly timeZone?: string | undefined;
}

export interface ReviewQuery extends EventListQuery {
  /** Such as `22:00-06:00`; undefined: the whole day. */
  readonly hours: string | undefined;
  /** IANA name of the zone of the hours; undefined: they have the offset of `to`. */
  readonly timeZone?: string | undefined;
}

/** @throws PerchError badInput */
export function reviewQuery({ hours, timeZone, ...request }: ReviewRequest): ReviewQuery {
  if (hours !== undefined && !isHours(hours)) {
    throw new PerchError('badInput', `invalid hours: '${hours.slice(0, 64)}' is not in the form of 22:00-06:00`);
  }
  return { ...eventListQuery(request), hours: hours || undefined, timeZone: timeZone ? zoneOf(timeZone) : undefined };
}

/** @returns its usual name, of which there are not more than zones. @throws PerchError badInput */
function zoneOf(timeZone: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone;
  } catch {
    throw new PerchError('badInput', `invalid timeZone: '${timeZone.slice(0, 64)}' is not one such as Europe/Vienna`);
  }
}

/** @throws PerchError badInput */
export function eventListQuery(request: EventListRequest): EventListQuery {
  const { from, to = '', path, types, zone, before, limit = String(DEFAULT_EVENTS), unseen = '' } = request;
  const count = Number(limit);
  if (!Number.isInteger(count) || count < 1 || count > MAX_EVENTS) {
    throw new PerchError('badInput', `invalid limit: '${limit.slice(0, 64)}' is not between 1 and ${MAX_EVENTS}`);
  }
  const wanted = types?.split(',').filter((type) => type !== '');
  if (wanted && wanted.length > MAX_TYPES) {
    throw new PerchError('badInput', `invalid types: ${wanted.length}, the limit is ${MAX_TYPES}`);
  }
  if (!['', 'true', 'false'].includes(unseen)) {
    throw new PerchError('badInput', `invalid unseen: '${unseen.slice(0, 64)}' is neither true nor false`);
  }
  return {
    from: from === undefined ? undefined : requireRfc3339('from', from),
    to: requireRfc3339('to', to),
    path,
    types: wanted,
    zone: zone || undefined,
    before,
    limit: count,
    isUnseen: unseen === 'true',
  };
}
