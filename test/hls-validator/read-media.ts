import {
  Attributes,
  dateOf,
  integerOf,
  linesOf,
  type Media,
  numberOf,
  type Part,
  type RenditionReport,
  type Running,
  type Segment,
  tagOf,
  wrongPlaylist,
} from './playlist.ts';

/** Tags that say something of the playlist as a whole: each at most once (RFC 8216bis §4.4.1 to §4.4.3). */
const ONCE: ReadonlySet<string> = new Set([
  'EXT-X-VERSION',
  'EXT-X-TARGETDURATION',
  'EXT-X-SERVER-CONTROL',
  'EXT-X-PART-INF',
  'EXT-X-MEDIA-SEQUENCE',
  'EXT-X-DISCONTINUITY-SEQUENCE',
  'EXT-X-INDEPENDENT-SEGMENTS',
  'EXT-X-START',
  'EXT-X-SKIP',
  'EXT-X-ENDLIST',
]);

/** Reads a media playlist, or the update of one. */
export function readMedia(text: string): Media {
  const reader = new MediaReader();
  for (const line of linesOf(text)) {
    reader.take(line);
  }
  return reader.end();
}

class MediaReader {
  readonly #seen = new Map<string, string>();
  readonly #segments: Segment[] = [];
  readonly #reports: RenditionReport[] = [];
  readonly #unknown: string[] = [];
  #hint: string | undefined;
  #map: string | undefined;
  #discontinuities = 0;
  // State of the current segment.
  #parts: Part[] = [];
  #durationS: number | undefined;
  #wallMs: number | undefined;
  #isDiscontinuity = false;
  #isGap = false;

  take(line: string): void {
    if (!line.startsWith('#')) {
      this.#takeUri(line);
      return;
    }
    const { name, value } = tagOf(line);
    if (ONCE.has(name)) {
      if (this.#seen.has(name)) {
        throw wrongPlaylist(`${name} twice`);
      }
      this.#seen.set(name, value);
      return;
    }
    this.#takeTag(name, value);
  }

  end(): Media {
    const seen = this.#seen;
    const control = new Attributes('EXT-X-SERVER-CONTROL', seen.get('EXT-X-SERVER-CONTROL') ?? '');
    const info = new Attributes('EXT-X-PART-INF', seen.get('EXT-X-PART-INF') ?? '');
    const skip = new Attributes('EXT-X-SKIP', seen.get('EXT-X-SKIP') ?? '');
    const target = seen.get('EXT-X-TARGETDURATION');
    if (target === undefined) {
      throw wrongPlaylist('media playlist without EXT-X-TARGETDURATION');
    }
    if (this.#durationS !== undefined) {
      throw wrongPlaylist('EXTINF without an address after it');
    }
    const integer = (name: string, otherwise: number) => {
      const value = seen.get(name);
      return value === undefined ? otherwise : integerOf(name, value);
    };
    return {
      kind: 'media',
      version: integer('EXT-X-VERSION', 1),
      targetDurationS: integerOf('EXT-X-TARGETDURATION', target),
      partTargetS: info.number('PART-TARGET'),
      canBlockReload: control.isYes('CAN-BLOCK-RELOAD'),
      holdBackS: control.number('HOLD-BACK'),
      partHoldBackS: control.number('PART-HOLD-BACK'),
      canSkipUntilS: control.number('CAN-SKIP-UNTIL'),
      mediaSequence: integer('EXT-X-MEDIA-SEQUENCE', 0),
      discontinuitySequence: integer('EXT-X-DISCONTINUITY-SEQUENCE', 0),
      tellsDiscontinuitySequence: seen.has('EXT-X-DISCONTINUITY-SEQUENCE'),
      claimsIndependence: seen.has('EXT-X-INDEPENDENT-SEGMENTS'),
      skipped: skip.number('SKIPPED-SEGMENTS'),
      segments: this.#segments,
      running: this.#running(),
      hint: this.#hint,
      reports: this.#reports,
      hasEnded: seen.has('EXT-X-ENDLIST'),
      unknownTags: this.#unknown,
    };
  }

  #takeTag(name: string, value: string): void {
    switch (name) {
      case 'EXTINF':
        this.#takeDuration(value);
        break;
      case 'EXT-X-MAP':
        this.#map = this.#uriOf(name, value);
        break;
      case 'EXT-X-PROGRAM-DATE-TIME':
        this.#wallMs = dateOf(value);
        break;
      case 'EXT-X-DISCONTINUITY':
        this.#isDiscontinuity = true;
        this.#discontinuities += 1;
        break;
      case 'EXT-X-GAP':
        this.#isGap = true;
        break;
      case 'EXT-X-PART':
        this.#takePart(value);
        break;
      case 'EXT-X-PRELOAD-HINT':
        this.#takeHint(value);
        break;
      case 'EXT-X-RENDITION-REPORT':
        this.#takeReport(value);
        break;
      default:
        this.#unknown.push(name);
    }
    // Tags that must precede the parts of a segment (RFC 8216bis §4.4.4.9).
    if (this.#parts.length > 0 && /^EXT-X-(MAP|PROGRAM-DATE-TIME|DISCONTINUITY)$/.test(name)) {
      throw wrongPlaylist(`${name} after the parts of its segment`);
    }
  }

  #takeDuration(value: string): void {
    const [, duration] = /^([^,]*),/.exec(value) ?? [];
    if (duration === undefined || this.#durationS !== undefined) {
      throw wrongPlaylist(`EXTINF '${value.slice(0, 40)}'`);
    }
    this.#durationS = numberOf('EXTINF', duration);
  }

  #takePart(value: string): void {
    const part = new Attributes('EXT-X-PART', value);
    this.#parts.push({
      uri: part.need('URI', part.string('URI')),
      durationS: part.need('DURATION', part.number('DURATION')),
      isIndependent: part.isYes('INDEPENDENT'),
      isGap: part.isYes('GAP'),
    });
  }

  #takeHint(value: string): void {
    const hint = new Attributes('EXT-X-PRELOAD-HINT', value);
    if (hint.need('TYPE', hint.text('TYPE')) !== 'PART') {
      return;
    }
    if (this.#hint !== undefined) {
      throw wrongPlaylist('two hints of a part');
    }
    this.#hint = hint.need('URI', hint.string('URI'));
  }

  #takeReport(value: string): void {
    const report = new Attributes('EXT-X-RENDITION-REPORT', value);
    const uri = report.need('URI', report.string('URI'));
    this.#reports.push({ uri, lastMsn: report.number('LAST-MSN'), lastPart: report.number('LAST-PART') });
  }

  #uriOf(tag: string, value: string): string {
    const attributes = new Attributes(tag, value);
    return attributes.need('URI', attributes.string('URI'));
  }

  #takeUri(uri: string): void {
    if (this.#durationS === undefined) {
      throw wrongPlaylist(`address '${uri.slice(0, 80)}' without EXTINF`);
    }
    if (/\s/.test(uri)) {
      throw wrongPlaylist(`address '${uri.slice(0, 80)}' with a blank`);
    }
    this.#segments.push({ ...this.#opened(), uri, durationS: this.#durationS, isGap: this.#isGap });
    this.#parts = [];
    this.#durationS = undefined;
    this.#wallMs = undefined;
    this.#isDiscontinuity = false;
    this.#isGap = false;
  }

  #running(): Running | undefined {
    const isBegun = this.#parts.length > 0 || this.#isDiscontinuity || this.#wallMs !== undefined;
    return isBegun || this.#hint !== undefined ? this.#opened() : undefined;
  }

  #opened(): Running {
    const first = Number(this.#seen.get('EXT-X-MEDIA-SEQUENCE') ?? 0);
    const skipped = Number(/SKIPPED-SEGMENTS=(\d+)/.exec(this.#seen.get('EXT-X-SKIP') ?? '')?.[1] ?? 0);
    return {
      number: first + skipped + this.#segments.length,
      map: this.#map,
      wallMs: this.#wallMs,
      isDiscontinuity: this.#isDiscontinuity,
      discontinuity: Number(this.#seen.get('EXT-X-DISCONTINUITY-SEQUENCE') ?? 0) + this.#discontinuities,
      parts: this.#parts,
    };
  }
}
