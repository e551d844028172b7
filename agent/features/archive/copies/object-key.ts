import { extname } from 'node:path';
import { pathNameFault } from '../../../config/values/path-name.ts';

const EXTENSIONS: readonly string[] = ['.mp4', '.ts'];
const NAME = /^(\d{2})-(\d{2})-(\d{2})-(\d{6})Z(\.mp4|\.ts)(\.enc)?$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
/** Maximum length of a key in S3, in bytes, minus that of `.enc`. */
const MAX_KEY_BYTES = 1_020;

export interface ArchivedName {
  readonly path: string;
  /** Start by the file name, Unix microseconds. */
  readonly nameUs: number;
}

/** `PREFIX/BOX/`: everything below belongs to this box. */
export const ownPrefix = (prefix: string, box: string): string => (prefix === '' ? `${box}/` : `${prefix}/${box}/`);

/**
 * The object of a recording, `PREFIX/BOX/PATH/2026-01-31/18-00-00-000000Z.mp4` in UTC.
 * @param own result of `ownPrefix`
 * @returns undefined if no such name is possible
 */
export function objectKey(own: string, { path, nameUs }: ArchivedName, file: string): string | undefined {
  const extension = extname(file);
  const ms = Math.floor(nameUs / 1000);
  if (!EXTENSIONS.includes(extension) || pathNameFault(path) !== undefined || !(ms >= 0 && ms < 2.5e14)) {
    return undefined;
  }
  const [day = '', time = ''] = new Date(ms).toISOString().split('T');
  const micros = String(nameUs - Math.floor(nameUs / 1e6) * 1e6).padStart(6, '0');
  const key = `${own}${path}/${day}/${time.slice(0, 8).replaceAll(':', '-')}-${micros}Z${extension}`;
  return Buffer.byteLength(key) > MAX_KEY_BYTES ? undefined : key;
}

/** The recording of an object, or undefined if the object is no recording of this box. */
export function recordingOf(own: string, key: string): ArchivedName | undefined {
  const parts = key.startsWith(own) ? key.slice(own.length).split('/') : [];
  const [, hour, minute, second, micros] = NAME.exec(parts.pop() ?? '') ?? [];
  const day = parts.pop() ?? '';
  const path = parts.join('/');
  if (micros === undefined || !DAY.test(day) || pathNameFault(path) !== undefined) {
    return undefined;
  }
  const ms = Date.parse(`${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? undefined : { path, nameUs: ms * 1000 + Number(micros) };
}
