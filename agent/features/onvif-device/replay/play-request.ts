import { PerchError } from '../../../base/errors.ts';

/** Fastest play of a server that keeps the pace. */
const MAX_SCALE = 16;
const UTC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z$/;

/** What PLAY asks for (RFC 2326 §10.5, ONVIF Streaming: replay). Absent fields stay as they were. */
interface PlayRequest {
  /** Unix microseconds; absent: from where it was paused. */
  readonly fromUs?: number | undefined;
  /** Absent: up to the end of the recordings. */
  readonly toUs?: number | undefined;
  /** The server keeps the pace; else the client, by reading. */
  readonly isPaced?: boolean | undefined;
  readonly scale?: number | undefined;
  readonly frames?: Frames | undefined;
}

/** `intra` with the least time between two pictures. */
export interface Frames {
  readonly isKeysOnly: boolean;
  readonly leastUs: number;
}

/** @throws PerchError badInput, unsupported */
export function parsePlay(headers: { get(name: string): string | undefined }): PlayRequest {
  const rateControl = headers.get('Rate-Control')?.trim().toLowerCase();
  return {
    ...rangeOf(headers.get('Range')),
    isPaced: rateControl === undefined ? undefined : rateControl !== 'no',
    scale: scaleOf(headers.get('Scale')),
    frames: framesOf(headers.get('Frames')),
  };
}

function rangeOf(text: string | undefined): Pick<PlayRequest, 'fromUs' | 'toUs'> {
  const value = text?.trim() ?? '';
  if (value === '' || /^npt\s*=\s*(?:now|0(?:\.0+)?)?\s*-\s*$/i.test(value)) {
    return {};
  }
  const [, from = '', to = ''] = /^clock\s*=\s*([^-\s]*)\s*-\s*([^-\s;]*)\s*(?:;.*)?$/i.exec(value) ?? [];
  const [fromUs, toUs] = [utcOf(from), utcOf(to)];
  const isWhole = (from === '' || fromUs !== undefined) && (to === '' || toUs !== undefined);
  if (!isWhole || (from === '' && to === '')) {
    throw new PerchError('badInput', `Range '${value.slice(0, 60)}' is not a range of clock times`);
  }
  if (fromUs !== undefined && toUs !== undefined && toUs < fromUs) {
    throw new PerchError(
      'badInput',
      `Range '${value.slice(0, 60)}' ends before it begins: reverse replay is not supported`,
    );
  }
  return { fromUs, toUs };
}

/** A utc-time of RFC 2326 §3.7 in Unix microseconds. */
function utcOf(text: string): number | undefined {
  const [, year, month, day, hour, minute, second, fraction = '0'] = UTC.exec(text) ?? [];
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? undefined : ms * 1000 + Math.round(Number(fraction) * 1e6);
}

/** `20261128T123000.250Z` */
export const utcText = (us: number): string => new Date(us / 1000).toISOString().replace(/[-:]/g, '');

function scaleOf(text: string | undefined): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  const scale = Number(text.trim() || Number.NaN);
  if (!Number.isFinite(scale) || scale === 0) {
    throw new PerchError('badInput', `Scale '${text.slice(0, 20)}' is not a speed`);
  }
  if (scale < 0) {
    throw new PerchError('badInput', `Scale '${text.slice(0, 20)}': reverse replay is not supported`);
  }
  return Math.min(MAX_SCALE, Math.max(1 / MAX_SCALE, scale));
}

/** `intra`, `intra/4000` in milliseconds, `predicted`, `all`. */
function framesOf(text: string | undefined): Frames | undefined {
  if (text === undefined) {
    return undefined;
  }
  const [, kind = '', ms = '0'] = /^\s*(intra|predicted|all)\s*(?:\/\s*(\d{1,9}))?\s*$/i.exec(text) ?? [];
  if (kind === '') {
    throw new PerchError('badInput', `Frames '${text.slice(0, 40)}' is not intra, predicted or all`);
  }
  const isKeysOnly = kind.toLowerCase() === 'intra';
  return { isKeysOnly, leastUs: isKeysOnly ? Number(ms) * 1000 : 0 };
}
