import { parse, setOptions, type types } from 'hls-parser';
import { explain, PerchError } from '../../base/errors.ts';

const MAX_LINES = 100_000;
const MAX_SEGMENTS = 20_000;

setOptions({ strictMode: false, silent: true });

/** A file, or a part of one. */
export interface Resource {
  readonly url: string;
  readonly range?: { readonly offset: number; readonly length: number };
}

interface Part extends Resource {
  readonly seconds: number;
  readonly isIndependent: boolean;
  readonly isGap: boolean;
}

/** AES-128 (RFC 8216 §4.3.2.4). */
export interface SegmentKey {
  readonly url: string;
  /** Initialization vector, or undefined for the sequence number of the segment. */
  readonly iv: Uint8Array | undefined;
}

export interface Segment {
  readonly sequence: number;
  /** Number of the timeline: those of segments with different numbers do not continue each other. */
  readonly timeline: number;
  /** Undefined: the segment is not complete, only its parts are there. */
  readonly file: Resource | undefined;
  /** EXT-X-MAP, or undefined for MPEG-TS. */
  readonly init: Resource | undefined;
  /** Undefined: not encrypted. */
  readonly key: SegmentKey | undefined;
  readonly isGap: boolean;
  /** EXT-X-PROGRAM-DATE-TIME: Unix milliseconds of its first unit, or undefined if not given. */
  readonly wallMs: number | undefined;
  readonly parts: readonly Part[];
}

export interface MediaPlaylist {
  readonly kind: 'media';
  readonly targetSeconds: number;
  /** EXT-X-ENDLIST. */
  readonly isEnded: boolean;
  readonly isVod: boolean;
  /** Requests for a later version are answered when it exists (RFC 8216bis §6.2.5.2). */
  readonly canBlock: boolean;
  /** Distance from the end at which playback of parts begins; 0: no parts. */
  readonly partHoldBackSeconds: number;
  readonly partSeconds: number;
  readonly segments: readonly Segment[];
  /** EXT-X-PRELOAD-HINT: the next part, which the server sends as soon as it exists. */
  readonly hint: Resource | undefined;
}

interface MultivariantPlaylist {
  readonly kind: 'multivariant';
  /** The best variant, and its audio if that has a playlist of its own. */
  readonly url: string;
  readonly audio: readonly string[];
}

/** @param base the playlist's own URL @throws PerchError badInput, unsupported */
export function parsePlaylist(text: string, base: string): MediaPlaylist | MultivariantPlaylist {
  if (
    !text
      .trimStart()
      .replace(/^\uFEFF/, '')
      .startsWith('#EXTM3U')
  ) {
    throw new PerchError('badInput', 'the answer is not a playlist: it does not begin with #EXTM3U');
  }
  const lines = text.split('\n').length;
  if (lines > MAX_LINES) {
    throw new PerchError('badInput', `playlist of ${lines} lines, at most ${MAX_LINES} allowed`);
  }
  let playlist: types.MasterPlaylist | types.MediaPlaylist;
  try {
    playlist = parse(text);
  } catch (cause) {
    // The library throws errors of several kinds for malformed text.
    throw new PerchError('badInput', `the playlist is malformed: ${explain(cause).slice(0, 200)}`);
  }
  return playlist.isMasterPlaylist
    ? variantOf(playlist as types.MasterPlaylist, base)
    : mediaOf(playlist as types.MediaPlaylist, base);
}

function variantOf({ variants }: types.MasterPlaylist, base: string): MultivariantPlaylist {
  const usable = variants.filter(({ uri, isIFrameOnly }) => Boolean(uri) && isIFrameOnly !== true);
  const [best] = usable.sort((a, b) => number(b.bandwidth) - number(a.bandwidth));
  if (!best) {
    throw new PerchError('badInput', 'the playlist has no variants');
  }
  const audio = best.audio.flatMap(({ uri }) => (uri ? [urlOf(uri, base)] : []));
  // Limit of audio renditions of a variant.
  return { kind: 'multivariant', url: urlOf(best.uri, base), audio: [...new Set(audio)].slice(0, 4) };
}

function mediaOf(playlist: types.MediaPlaylist, base: string): MediaPlaylist {
  if (playlist.segments.length > MAX_SEGMENTS) {
    throw new PerchError(
      'badInput',
      `playlist of ${playlist.segments.length} segments, at most ${MAX_SEGMENTS} allowed`,
    );
  }
  let init: Resource | undefined;
  let timeline = 0;
  const segments = playlist.segments.map((segment): Segment => {
    const key = segmentKey(segment.key, base);
    // The library leaves out the map of a segment that is not complete, and miscounts its discontinuity.
    init = segment.map?.uri ? resourceOf(segment.map, base) : init;
    const isMiscounted = !segment.uri && segment.discontinuity;
    timeline = isMiscounted ? timeline + 1 : number(segment.discontinuitySequence);
    return {
      sequence: number(segment.mediaSequenceNumber),
      timeline,
      file: segment.uri ? resourceOf(segment, base) : undefined,
      init,
      key,
      isGap: segment.gap === true,
      wallMs: wallOf(segment.programDateTime),
      // Encrypted segments are loaded whole.
      parts: key ? [] : partsOf(segment, base),
    };
  });
  const isEncrypted = segments.some(({ key }) => key);
  const { lowLatencyCompatibility: control, partTargetDuration, playlistType } = playlist;
  const partSeconds = isEncrypted ? 0 : seconds(partTargetDuration);
  const hinted = playlist.segments.at(-1)?.parts.find(({ hint, uri }) => hint && uri);
  return {
    kind: 'media',
    targetSeconds: seconds(playlist.targetDuration) || 1,
    isEnded: playlist.endlist === true,
    isVod: playlistType === 'VOD',
    canBlock: control?.canBlockReload === true,
    partHoldBackSeconds: partSeconds === 0 ? 0 : seconds(control?.partHoldBack) || 3 * partSeconds,
    partSeconds,
    segments,
    hint: hinted && !isEncrypted ? hintOf(hinted, base) : undefined,
  };
}

/** Undefined: no encryption. The library gives an incomplete segment a key object without a method. */
function segmentKey(key: types.Key | null | undefined, base: string): SegmentKey | undefined {
  const method = key?.method;
  if (typeof method !== 'string' || method === 'NONE') {
    return undefined;
  }
  const format = key?.format ?? 'identity';
  if (method !== 'AES-128' || format !== 'identity' || !key?.uri) {
    const name = `${method} ${format === 'identity' ? '' : format}`.trim().slice(0, 60);
    throw new PerchError('unsupported', `the segments are encrypted (${name}), supported is AES-128`);
  }
  return { url: urlOf(key.uri, base), iv: key.iv && new Uint8Array(key.iv) };
}

function partsOf({ parts }: types.Segment, base: string): Part[] {
  const listed = parts.filter(({ hint, uri }) => !hint && uri).slice(0, 1_000);
  const found: Part[] = [];
  for (const part of listed) {
    const before = found.at(-1);
    const resource = resourceOf(part, base, before);
    found.push({
      ...resource,
      seconds: seconds(part.duration),
      isIndependent: part.independent === true,
      isGap: part.gap === true,
    });
  }
  return found;
}

/** A hint without length is the rest of its file: only whole files are requested. */
function hintOf(part: types.PartialSegment, base: string): Resource | undefined {
  const { byterange } = part;
  return byterange?.length || !byterange?.offset ? resourceOf(part, base) : undefined;
}

interface Addressed {
  readonly uri?: string;
  readonly byterange?: { readonly length: number; readonly offset: number };
}

/** @param before the resource that a range without offset continues (RFC 8216 §4.3.2.2) */
function resourceOf({ uri = '', byterange }: Addressed, base: string, before?: Resource): Resource {
  const url = urlOf(uri, base);
  if (!byterange?.length) {
    return { url };
  }
  const { range } = before ?? {};
  const continued = range && before?.url === url ? range.offset + range.length : 0;
  const offset = byterange.offset >= 0 ? byterange.offset : continued;
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(byterange.length) || byterange.length < 0) {
    throw new PerchError('badInput', `the playlist has a byte range of ${byterange.length} bytes at ${offset}`);
  }
  return { url, range: { offset, length: byterange.length } };
}

function urlOf(uri: string, base: string): string {
  const url = URL.canParse(uri, base) ? new URL(uri, base) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new PerchError('badInput', `the playlist names '${uri.slice(0, 100)}', which is not an http URL`);
  }
  return url.href;
}

/** Undefined for an invalid date: the library makes a Date of any text. */
function wallOf(date: Date | undefined): number | undefined {
  const wallMs = date?.getTime();
  return Number.isFinite(wallMs) ? wallMs : undefined;
}

const number = (value: unknown): number => (Number.isFinite(value) ? (value as number) : 0);
const seconds = (value: unknown): number => Math.min(3_600, Math.max(0, number(value)));
