import { PerchError } from '../../base/errors.ts';
import { type Query, queryDuration, queryStart, queryText } from '../read/query.ts';
import { requireRfc3339 } from '../read/rfc3339.ts';
import type { PictureQuery } from './picture.ts';
import { parseResourceUri, type ResourceAddress } from './recorded-period.ts';
import { type Period, PLAYLISTS, type RewindPeriod } from './recorded-streams.ts';

type OneFile = keyof typeof PLAYLISTS | 'frame' | 'still' | 'picture';
export type VodAddress = { readonly path: string } & (
  | { readonly kind: OneFile }
  | { readonly kind: 'resource'; readonly resource: ResourceAddress }
);

/** A file below a path, such as `index.m3u8` or `vod/….mp4`. */
export type VodFile = VodAddress & { readonly name: string };

const FRAME = 'frame.mp4';
const STILL = 'still.jpg';
const PICTURE = 'picture.jpg';
const KINDS = new Map<string, OneFile>([
  [PLAYLISTS.vod, 'vod'],
  [PLAYLISTS.vodMedia, 'vodMedia'],
  [PLAYLISTS.rewind, 'rewind'],
  [PLAYLISTS.rewindMedia, 'rewindMedia'],
  [FRAME, 'frame'],
  [STILL, 'still'],
  [PICTURE, 'picture'],
]);

/**
 * @param address decoded, without the prefix; the path name is not validated
 * @returns undefined for other addresses
 */
export function parseVodAddress(address: string): VodAddress | undefined {
  const slash = address.lastIndexOf('/');
  if (slash <= 0) {
    return undefined;
  }
  const kind = KINDS.get(address.slice(slash + 1));
  if (kind) {
    return { kind, path: address.slice(0, slash) };
  }
  const folder = address.lastIndexOf('/', slash - 1);
  const resource = folder > 0 ? parseResourceUri(address.slice(folder + 1)) : undefined;
  return resource && { kind: 'resource', path: address.slice(0, folder), resource };
}

const DEFAULT_BACK_SECONDS = 3_600;
const MAX_BACK_SECONDS = 86_400;

export function queryPeriod(query: Query): Period {
  const { us: startUs } = queryStart(query);
  const durationUs = queryDuration(query);
  if (durationUs === 0) {
    throw new PerchError('badInput', "invalid duration: '0' is not positive");
  }
  return { startUs, durationUs };
}

export function queryBack(query: Query): number {
  const text = queryText(query, 'back') ?? '';
  const seconds = text === '' ? DEFAULT_BACK_SECONDS : Number(text);
  if (!(seconds >= 1 && seconds <= MAX_BACK_SECONDS)) {
    const what = `is not a number of seconds from 1 to ${MAX_BACK_SECONDS}`;
    throw new PerchError('badInput', `invalid back: '${text.slice(0, 64)}' ${what}`);
  }
  return seconds;
}

/** State that `rewindMultivariant` wrote into the media playlist's URL. */
export function queryRewind(query: Query): RewindPeriod {
  const { us: startUs } = queryStart(query);
  const target = Math.ceil(Number(queryText(query, 'target') ?? ''));
  // Enough for cameras with a key frame every half hour.
  return { startUs, targetSeconds: target >= 1 && target <= 3_600 ? target : 1 };
}

export function queryFrameTime(query: Query): number {
  return requireRfc3339('time', queryText(query, 'time') ?? '').us;
}

const MIN_WIDTH = 16;
const MAX_WIDTH = 8_192;

export function queryPicture(query: Query): PictureQuery {
  const text = queryText(query, 'width') ?? '';
  const width = text === '' ? undefined : Number(text);
  if (width !== undefined && !(Number.isInteger(width) && width >= MIN_WIDTH && width <= MAX_WIDTH)) {
    const what = `is not a number of pixels from ${MIN_WIDTH} to ${MAX_WIDTH}`;
    throw new PerchError('badInput', `invalid width: '${text.slice(0, 64)}' ${what}`);
  }
  const exact = queryText(query, 'exact') ?? 'false';
  if (exact !== 'true' && exact !== 'false') {
    throw new PerchError('badInput', `invalid exact: '${exact.slice(0, 64)}' is not true or false`);
  }
  return { width, isExact: exact === 'true' };
}
