import { PerchError } from '../../base/errors.ts';
import { ANY_NAME, compilePattern, type Pattern } from './pattern.ts';

/** With `~` begin regular expressions, and folders and lists of the box itself. FAT and exFAT take no `:`. */
const PLAIN = /^(?!~)[0-9a-zA-Z_\-/.~]+$/;
/** Characters of a stream's name, which is part of file names. */
const MAX_NAME = 240;
/** Path of the demo camera. */
export const DEMO_PATH = 'demo';
const CATCH_ALL = new Set(['all', 'all_others', '~^.*$']);

/** Why `name` is not a valid path name, in MediaMTX's words; undefined when it is valid. */
export function pathNameFault(name: string): string | undefined {
  if (name === '') {
    return 'cannot be empty';
  }
  if (name.startsWith('/')) {
    return "can't begin with a slash";
  }
  if (name.endsWith('/')) {
    return "can't end with a slash";
  }
  if (!PLAIN.test(name)) {
    return 'can contain only alphanumeric characters, underscore, dot, minus, slash, and tilde except at the beginning';
  }
  if (name.split('/').some((part) => part === '.' || part === '..')) {
    return "can't contain dot path segments";
  }
  return undefined;
}

function streamPathFault(name: string): string | undefined {
  return name.length > MAX_NAME ? `is longer than ${MAX_NAME} characters` : pathNameFault(name);
}

export const isStreamPath = (name: string): boolean => streamPathFault(name) === undefined;

/** @throws PerchError badInput for an invalid name */
export function checkStreamPath(name: string): void {
  const fault = streamPathFault(name);
  if (fault !== undefined) {
    throw new PerchError('badInput', `invalid path name: ${fault} (${name.slice(0, MAX_NAME)})`);
  }
}

export const isCatchAll = (name: string): boolean => CATCH_ALL.has(name);

/** The pattern that the names of an entry of `paths` match, or undefined if it is the single path of that name. @throws PerchError badInput */
export function patternOf(name: string): Pattern | undefined {
  if (isCatchAll(name)) {
    return ANY_NAME;
  }
  if (name.startsWith('~')) {
    return compilePattern(name.slice(1));
  }
  const fault = pathNameFault(name);
  if (fault) {
    throw new PerchError('badInput', `invalid path name: ${fault} (${name.slice(0, 200)})`);
  }
  return undefined;
}

/** The order in which patterns are tried: by name, the catch-all last. */
export function comparePatterns(a: string, b: string): number {
  const lastA = isCatchAll(a);
  if (lastA !== isCatchAll(b)) {
    return lastA ? 1 : -1;
  }
  return a < b ? -1 : 1;
}
