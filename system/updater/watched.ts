import { isIP } from 'node:net';
import { isAbsolute, normalize } from 'node:path';

/** How the new version is observed. */
export interface Watched {
  /** Host at which the page is reached over HTTP. */
  readonly host: string;
  readonly port: number;
  /** Folders in which a recording is running; may be empty. */
  readonly folders: readonly string[];
  readonly wasIll?: boolean;
}

export const MAX_FOLDERS = 8;
/** Enough for folders with the longest names: six bytes of JSON per character. */
export const MAX_REQUEST_BYTES = 32_768;

/** @returns undefined if invalid */
export function watchedIn(value: unknown): Watched | undefined {
  const { host, port, folders, wasIll } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isHost = typeof host === 'string' && isIP(host) !== 0;
  const isPort = typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536;
  const areFolders = Array.isArray(folders) && folders.length <= MAX_FOLDERS && folders.every(isWatchable);
  return isHost && isPort && areFolders ? { host, port, folders, ...(wasIll === true && { wasIll }) } : undefined;
}

export const isWatchable = (value: unknown): boolean =>
  typeof value === 'string' &&
  value.length <= 512 &&
  isAbsolute(value) &&
  normalize(value) === value &&
  !value.includes('\0');
