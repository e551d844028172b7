import { PerchError } from '../../agent/base/errors.ts';

/*
 * Playlists as a strict client reads them: RFC 8216bis §4. What no client could make sense of is thrown; what a client can read
 * and a server must not write is left to the rules.
 */

export interface Part {
  readonly uri: string;
  readonly durationS: number;
  readonly isIndependent: boolean;
  readonly isGap: boolean;
}

export interface Segment {
  /** Media sequence number. */
  readonly number: number;
  readonly uri: string;
  readonly durationS: number;
  /** Address of the init segment that applies. Undefined: none, or it is in the skipped part of a delta update. */
  readonly map: string | undefined;
  /** The segment's own EXT-X-PROGRAM-DATE-TIME, Unix milliseconds. */
  readonly wallMs: number | undefined;
  readonly isDiscontinuity: boolean;
  /** Discontinuity sequence number. */
  readonly discontinuity: number;
  readonly isGap: boolean;
  readonly parts: readonly Part[];
}

/** The lines after the last complete segment. */
export interface Running extends Omit<Segment, 'uri' | 'durationS' | 'isGap'> {}

export interface RenditionReport {
  readonly uri: string;
  readonly lastMsn: number | undefined;
  readonly lastPart: number | undefined;
}

export interface Media {
  readonly kind: 'media';
  readonly version: number;
  readonly targetDurationS: number;
  readonly partTargetS: number | undefined;
  readonly canBlockReload: boolean;
  readonly holdBackS: number | undefined;
  readonly partHoldBackS: number | undefined;
  readonly canSkipUntilS: number | undefined;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly tellsDiscontinuitySequence: boolean;
  readonly claimsIndependence: boolean;
  /** EXT-X-SKIP: this is an update. */
  readonly skipped: number | undefined;
  readonly segments: readonly Segment[];
  readonly running: Running | undefined;
  /** Address of the next part. */
  readonly hint: string | undefined;
  readonly reports: readonly RenditionReport[];
  readonly hasEnded: boolean;
  /** Names of tags that this reader does not know. */
  readonly unknownTags: readonly string[];
}

export interface AudioChoice {
  readonly group: string;
  readonly name: string;
  readonly uri: string | undefined;
  readonly isDefault: boolean;
}

export interface Variant {
  readonly uri: string;
  readonly bandwidth: number;
  readonly averageBandwidth: number | undefined;
  readonly codecs: readonly string[];
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fps: number | undefined;
  readonly audioGroup: string | undefined;
  readonly score: number | undefined;
}

export interface Multivariant {
  readonly kind: 'multivariant';
  readonly version: number;
  readonly variants: readonly Variant[];
  readonly audio: readonly AudioChoice[];
  readonly unknownTags: readonly string[];
}

const MAX_BYTES = 1 << 20;
const ATTRIBUTE = /([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)/y;
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$/;

const wrong = (text: string): PerchError => new PerchError('badInput', text);

/** The lines of a playlist, without the empty ones and the comments. */
export function linesOf(text: string): string[] {
  if (text.length > MAX_BYTES) {
    throw wrong(`playlist of ${text.length} characters, at most ${MAX_BYTES}`);
  }
  const lines = text.split(/\r?\n/);
  if (lines[0] !== '#EXTM3U') {
    throw wrong("playlist does not begin with '#EXTM3U'");
  }
  return lines.slice(1).filter((line) => line !== '' && (!line.startsWith('#') || line.startsWith('#EXT')));
}

/** `#NAME:value` */
export function tagOf(line: string): { name: string; value: string } {
  const at = line.indexOf(':');
  return at < 0 ? { name: line.slice(1), value: '' } : { name: line.slice(1, at), value: line.slice(at + 1) };
}

/** RFC 8216bis §4.2; strings without their quotes. */
export class Attributes {
  readonly #values = new Map<string, string>();
  readonly #tag: string;

  constructor(tag: string, text: string) {
    this.#tag = tag;
    ATTRIBUTE.lastIndex = 0;
    for (let at = 0; at < text.length; at = ATTRIBUTE.lastIndex) {
      ATTRIBUTE.lastIndex = at;
      const [, name = '', value = ''] = ATTRIBUTE.exec(text) ?? [];
      if (name === '' || this.#values.has(name)) {
        throw wrong(`${tag} has attributes '${text.slice(0, 200)}'`);
      }
      this.#values.set(name, value);
    }
  }

  text(name: string): string | undefined {
    return this.#values.get(name);
  }

  string(name: string): string | undefined {
    const value = this.#values.get(name);
    if (value !== undefined && !/^".*"$/.test(value)) {
      throw wrong(`${this.#tag} has ${name}=${value}, which is no string in quotes`);
    }
    return value?.slice(1, -1);
  }

  number(name: string): number | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : numberOf(`${this.#tag} ${name}`, value);
  }

  isYes(name: string): boolean {
    const value = this.#values.get(name);
    if (value !== undefined && value !== 'YES' && value !== 'NO') {
      throw wrong(`${this.#tag} has ${name}=${value}, which is neither YES nor NO`);
    }
    return value === 'YES';
  }

  need<T>(name: string, value: T | undefined): T {
    if (value === undefined) {
      throw wrong(`${this.#tag} without ${name}`);
    }
    return value;
  }
}

export function numberOf(what: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) {
    throw wrong(`${what} is '${text.slice(0, 40)}', which is no decimal number`);
  }
  return Number(text);
}

export function integerOf(what: string, text: string): number {
  const value = numberOf(what, text);
  if (!Number.isSafeInteger(value) || text.includes('.')) {
    throw wrong(`${what} is '${text.slice(0, 40)}', which is no decimal integer`);
  }
  return value;
}

export function dateOf(text: string): number {
  const ms = DATE.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw wrong(`EXT-X-PROGRAM-DATE-TIME is '${text.slice(0, 40)}'`);
  }
  return ms;
}

export { wrong as wrongPlaylist };
