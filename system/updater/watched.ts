import { isIP } from 'node:net';
import { isAbsolute, normalize } from 'node:path';

/** By what the new version is seen to work. */
export interface Watched {
  /** Of the page over http. */
  readonly host: string;
  readonly port: number;
  /** In each of which something is being recorded; empty: nothing is. */
  readonly folders: readonly string[];
  /** The version before was not healthy. */
  readonly wasIll?: boolean;
}

export const MAX_FOLDERS = 8;
const MAX_FOLDER_CHARS = 512;
/** Also of folders with the longest names, in JSON six bytes for each character. */
export const MAX_REQUEST_BYTES = 32_768;

/** @returns undefined for what nothing can be seen by */
export function watchedIn(value: unknown): Watched | undefined {
  const { host, port, folders, wasIll } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isHost = typeof host === 'string' && isIP(host) !== 0;
  const isPort = typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536;
  const areFolders = Array.isArray(folders) && folders.length <= MAX_FOLDERS && folders.every(isWatchable);
  return isHost && isPort && areFolders ? { host, port, folders, ...(wasIll === true && { wasIll }) } : undefined;
}

export const isWatchable = (value: unknown): boolean =>
  typeof value === 'string' &&
  value.length <= MAX_FOLDER_CHARS &&
  isAbsolute(value) &&
  normalize(value) === value &&
  !value.includes('\0');
