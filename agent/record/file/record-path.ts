import { resolve } from 'node:path';
import { fromLocalTime, toLocalTime, zoneOffsetMs } from './time-zone.ts';

export type RecordFormat = 'fmp4' | 'mpegts';

/** Appended to a template's expansion. */
const SUFFIX: Record<RecordFormat, string> = { fmp4: '.mp4', mpegts: '.ts' };
const SUFFIX_PATTERN: Record<RecordFormat | 'any', string> = { fmp4: '\\.mp4', mpegts: '\\.ts', any: '\\.(?:mp4|ts)' };

const VARIABLE = /%(path|[YmdHMSfzs])/g;
/** The shortest match: a template may continue after it. */
const PATH_PATTERN = '(?!~)[0-9A-Za-z_./~-]+?';
const PATTERNS: Record<string, string> = {
  Y: '\\d{4}',
  m: '\\d{2}',
  d: '\\d{2}',
  H: '\\d{2}',
  M: '\\d{2}',
  S: '\\d{2}',
  f: '\\d{6}',
  z: 'Z|[+-]\\d{4}',
  s: '\\d{10}',
};

export interface RecordingName {
  readonly path: string;
  /** Unix microseconds. */
  readonly startUs: number;
}

/**
 * The absolute name of a recording.
 * @param wallMs Unix milliseconds with a fraction down to the microsecond
 * @param zone IANA name, or undefined for the box's zone
 */
export function formatRecordPath(
  template: string,
  path: string,
  wallMs: number,
  zone?: string,
  format: RecordFormat = 'fmp4',
): string {
  const wholeUs = Math.round(wallMs * 1000);
  const utcMs = Math.floor(wholeUs / 1000);
  const local = toLocalTime(utcMs, zone);
  const two = (value: number): string => String(value).padStart(2, '0');
  const values: Record<string, () => string> = {
    path: () => path,
    Y: () => String(local.year).padStart(4, '0'),
    m: () => two(local.month),
    d: () => two(local.day),
    H: () => two(local.hour),
    M: () => two(local.minute),
    S: () => two(local.second),
    f: () => String(wholeUs - Math.floor(wholeUs / 1_000_000) * 1_000_000).padStart(6, '0'),
    z: () => formatOffset(zoneOffsetMs(utcMs, zone)),
    s: () => String(Math.floor(wholeUs / 1_000_000)).padStart(10, '0'),
  };
  return resolve(template.replace(VARIABLE, (_, name: string) => values[name]?.() ?? '') + SUFFIX[format]);
}

export const recordFormatOf = (file: string): RecordFormat => (file.endsWith(SUFFIX.mpegts) ? 'mpegts' : 'fmp4');

/** `Z` or `+hhmm`. */
function formatOffset(offsetMs: number): string {
  if (offsetMs === 0) {
    return 'Z';
  }
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const digits = String(Math.floor(minutes / 60) * 100 + (minutes % 60)).padStart(4, '0');
  return `${offsetMs < 0 ? '-' : '+'}${digits}`;
}

/** Finds a template's recordings by name. Matches whole names: `cam1` never finds files of `cam10`. */
export class RecordPathPattern {
  /** The deepest folder shared by all matching files. */
  readonly folder: string;
  readonly #path: string | undefined;
  readonly #zone: string | undefined;
  readonly #names: string[] = [];
  readonly #whole: RegExp;
  /** One pattern per level below `folder`; undefined if `%path` is open and may span levels. */
  readonly #levels: readonly RegExp[] | undefined;

  /**
   * @param path undefined for all paths
   * @param format of the matching files
   */
  constructor(template: string, path: string | undefined, zone?: string, format: RecordFormat | 'any' = 'fmp4') {
    this.#path = path;
    this.#zone = zone;
    const named = path === undefined ? template : template.replaceAll('%path', path);
    const absolute = resolve(named);
    const first = absolute.search(VARIABLE);
    const cut = absolute.lastIndexOf('/', first < 0 ? absolute.length : first);
    this.folder = absolute.slice(0, Math.max(cut, 1));
    this.#whole = new RegExp(`^${this.#capturing(absolute)}${SUFFIX_PATTERN[format]}$`);
    const below = absolute.slice(cut + 1).split('/');
    this.#levels = path === undefined ? undefined : below.map((level) => new RegExp(`^${plain(level)}$`));
  }

  /** Whether a folder at this level below `folder` (1: directly) can contain matching files. */
  canHold(name: string, level: number): boolean {
    if (this.#levels) {
      return level < this.#levels.length && (this.#levels[level - 1]?.test(name) ?? false);
    }
    return level < 32;
  }

  match(file: string): RecordingName | undefined {
    const found = this.#whole.exec(file);
    if (!found) {
      return undefined;
    }
    const fields: Record<string, string> = {};
    for (let i = 0; i < this.#names.length; i += 1) {
      fields[this.#names[i] ?? ''] ??= found[i + 1] ?? '';
    }
    const path = this.#path ?? fields['path'];
    const startUs = startOf(fields, this.#zone);
    return path === undefined || startUs === undefined ? undefined : { path, startUs };
  }

  /** A repeated variable must have the same value. */
  #capturing(absolute: string): string {
    return expand(absolute, (name) => {
      const group = this.#names.indexOf(name);
      if (group >= 0) {
        return `\\${group + 1}`;
      }
      this.#names.push(name);
      return `(${name === 'path' ? PATH_PATTERN : PATTERNS[name]})`;
    });
  }
}

function plain(text: string): string {
  return expand(text, (name) => `(?:${name === 'path' ? PATH_PATTERN : PATTERNS[name]})`);
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** The source of a regular expression: literal text, and variables from `of`. */
function expand(text: string, of: (name: string) => string): string {
  let source = '';
  let at = 0;
  for (const match of text.matchAll(VARIABLE)) {
    source += escaped(text.slice(at, match.index)) + of(match[1] ?? '');
    at = match.index + match[0].length;
  }
  return source + escaped(text.slice(at));
}

function startOf(fields: Record<string, string>, zone: string | undefined): number | undefined {
  const micros = Number(fields['f'] ?? 0);
  if (fields['s'] !== undefined) {
    return Number(fields['s']) * 1_000_000 + micros;
  }
  const number = (name: string): number => Number(fields[name] ?? 0);
  const local = {
    year: number('Y'),
    month: number('m'),
    day: number('d'),
    hour: number('H'),
    minute: number('M'),
    second: number('S'),
  };
  const asUtc = new Date(Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute, local.second));
  // Date normalizes an invalid date, so it reads back differently.
  const isDate = asUtc.getUTCMonth() + 1 === local.month && asUtc.getUTCDate() === local.day;
  if (!isDate || local.hour > 23 || local.minute > 59 || local.second > 59) {
    return undefined;
  }
  const offset = fields['z'];
  const utcMs = offset === undefined ? fromLocalTime(local, zone) : asUtc.getTime() - parseOffset(offset);
  return utcMs * 1000 + micros;
}

function parseOffset(text: string): number {
  if (text === 'Z') {
    return 0;
  }
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(3, 5));
  return (text.startsWith('-') ? -minutes : minutes) * 60_000;
}
