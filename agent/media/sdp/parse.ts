import { PerchError } from '../../base/errors.ts';
import { parseKeyAttribute } from '../mikey/key-mgmt.ts';
import type { MikeyMessage } from '../mikey/message.ts';
import type { PictureSize, RtpFormat } from '../payload/depacketizer.ts';

type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** One `m=` section, RFC 8866 §5.14. */
export interface SdpMedia {
  /** `video`, `audio`, `application` or another word. */
  readonly kind: string;
  /** Such as `RTP/AVP`. */
  readonly protocol: string;
  /** In the order of the m-line; formats without known encoding are omitted. */
  readonly formats: readonly RtpFormat[];
  /** As sent: absolute, relative or absent. */
  readonly control: string | undefined;
  readonly direction: Direction | undefined;
  /** A back channel: the client sends audio (ONVIF Streaming §5.3). */
  readonly isBackChannel: boolean;
  /** Length of a packet, and the longest (RFC 8866 §6.4); absent: not stated. */
  readonly ptimeMs?: number;
  readonly maxptimeMs?: number;
  /** Key of the SRTP that the sender of the description sends; absent: no key, or one that is not supported. */
  readonly key?: MikeyMessage;
}

export interface Sdp {
  readonly name: string;
  /** The session's `a=control`. */
  readonly control: string | undefined;
  /** Program that made the description (RFC 8866 §6.3); empty: not stated. */
  readonly tool: string;
  readonly medias: readonly SdpMedia[];
}

const MAX_LINES = 2_000;
const MAX_MEDIAS = 64;

/** RFC 3551 §6: payload types without rtpmap. */
const STATIC_FORMATS: Record<number, readonly [encoding: string, clockRate: number, channels?: number]> = {
  0: ['PCMU', 8000],
  3: ['GSM', 8000],
  8: ['PCMA', 8000],
  9: ['G722', 8000],
  10: ['L16', 44_100, 2],
  11: ['L16', 44_100],
  14: ['MPA', 90_000],
  26: ['JPEG', 90_000],
  32: ['MPV', 90_000],
  33: ['MP2T', 90_000],
};

/** Fixed clock rates, which replace a wrong or missing one. */
const USUAL_CLOCK_RATES: Record<string, number> = {
  H264: 90_000,
  H265: 90_000,
  AV1: 90_000,
  VP8: 90_000,
  VP9: 90_000,
  JPEG: 90_000,
  'MP4V-ES': 90_000,
  MPA: 90_000,
  MPV: 90_000,
  SMPTE336M: 90_000,
  SMTPE336M: 90_000,
  MP2T: 90_000,
  PCMU: 8000,
  PCMA: 8000,
  G722: 8000,
  OPUS: 48_000,
  MULTIOPUS: 48_000,
};

interface Draft {
  readonly kind: string;
  readonly protocol: string;
  readonly payloadTypes: readonly number[];
  control: string | undefined;
  direction: Direction | undefined;
  dimensions: string | undefined;
  keyManagement: string | undefined;
  ptimeMs: number | undefined;
  maxptimeMs: number | undefined;
}

interface Session {
  tool: string;
  keyManagement: string | undefined;
  name: string;
  control: string | undefined;
  direction: Direction | undefined;
  readonly drafts: Draft[];
  /** By payload type; attributes in a wrong media section count if no other has them. */
  readonly maps: Map<number, string>;
  readonly fmtps: Map<number, string>;
  readonly frameSizes: Map<number, string>;
}

/**
 * Parses a session description as cameras write it: unknown lines are ignored, in any order.
 * @throws PerchError only without any media, or beyond the limits
 */
export function parseSdp(text: string): Sdp {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.length > MAX_LINES) {
    throw new PerchError('badInput', `SDP of ${lines.length} lines, at most ${MAX_LINES} allowed`);
  }
  const session: Session = {
    name: '',
    tool: '',
    control: undefined,
    direction: undefined,
    keyManagement: undefined,
    drafts: [],
    maps: new Map(),
    fmtps: new Map(),
    frameSizes: new Map(),
  };
  for (const line of lines) {
    readLine(session, line.trim());
  }
  if (session.drafts.length === 0) {
    throw new PerchError('badInput', 'SDP without any media');
  }
  const directions = session.drafts.map((draft) => draft.direction ?? session.direction);
  return {
    name: session.name,
    tool: session.tool,
    control: session.control,
    medias: session.drafts.map((draft, i) => ({
      kind: draft.kind,
      protocol: draft.protocol,
      formats: formatsOf(session, draft, i),
      control: draft.control,
      direction: directions[i],
      // Some servers mark what they send as sendonly; then every section is marked so.
      isBackChannel:
        draft.kind === 'audio' && directions[i] === 'sendonly' && directions.some((other) => other !== 'sendonly'),
      ...(draft.ptimeMs !== undefined && { ptimeMs: draft.ptimeMs }),
      ...(draft.maxptimeMs !== undefined && { maxptimeMs: draft.maxptimeMs }),
      ...mediaKey(draft.keyManagement ?? session.keyManagement),
    })),
  };
}

/** Audio formats that cameras send although they announce others. */
const STATIC_AUDIO_TYPES = [0, 8, 9, 10, 11, 14];

/** The formats of a media section by payload type; in audio with the static ones (RFC 3551 §6), announced or not. */
export function formatsByType({ kind, formats }: SdpMedia): ReadonlyMap<number, RtpFormat> {
  const byType = new Map<number, RtpFormat>();
  for (const payloadType of kind === 'audio' ? STATIC_AUDIO_TYPES : []) {
    const [encoding, clockRate, channels = 1] = STATIC_FORMATS[payloadType] ?? ['', 0];
    const text = { rtpmap: mapOf(encoding, clockRate, channels), fmtp: '' };
    byType.set(payloadType, { payloadType, encoding, clockRate, channels, fmtp: new Map(), text });
  }
  for (const format of formats) {
    byType.set(format.payloadType, format);
  }
  return byType;
}

function readLine(session: Session, line: string): void {
  if (line.startsWith('m=')) {
    const draft = parseMediaLine(line.slice(2));
    if (session.drafts.length >= MAX_MEDIAS) {
      throw new PerchError('badInput', `SDP with more than ${MAX_MEDIAS} media sections`);
    }
    session.drafts.push(draft);
  } else if (line.startsWith('s=')) {
    session.name ||= line.slice(2).trim();
  } else if (line.startsWith('a=')) {
    readAttribute(session, line.slice(2));
  }
}

function parseMediaLine(text: string): Draft {
  const [kind = '', , protocol = '', ...words] = text.split(/\s+/, 3 + 64);
  const types = words.filter((word) => /^\d{1,3}$/.test(word) && Number(word) < 128).map(Number);
  return {
    kind: kind.toLowerCase(),
    protocol,
    payloadTypes: [...new Set(types)],
    control: undefined,
    direction: undefined,
    dimensions: undefined,
    keyManagement: undefined,
    ptimeMs: undefined,
    maxptimeMs: undefined,
  };
}

function readAttribute(session: Session, text: string): void {
  const colon = text.indexOf(':');
  const name = (colon < 0 ? text : text.slice(0, colon)).trim().toLowerCase();
  const value = colon < 0 ? '' : text.slice(colon + 1).trim();
  const media = session.drafts.length;
  const draft = session.drafts.at(-1);
  const scope = draft ?? session;
  switch (name) {
    case 'control':
      scope.control ??= value || undefined;
      break;
    case 'sendrecv':
    case 'sendonly':
    case 'recvonly':
    case 'inactive':
      scope.direction ??= name;
      break;
    case 'rtpmap':
      keep(session.maps, value, media);
      break;
    case 'fmtp':
      keep(session.fmtps, value, media);
      break;
    case 'tool':
      session.tool ||= value;
      break;
    case 'ptime':
    case 'maxptime':
      if (draft && Number(value) > 0) {
        draft[name === 'ptime' ? 'ptimeMs' : 'maxptimeMs'] ??= Number(value);
      }
      break;
    case 'key-mgmt':
      // RFC 4567 §3.1.
      scope.keyManagement ??= value;
      break;
    case 'framesize':
      // RFC 6064.
      keep(session.frameSizes, value, media);
      break;
    case 'x-dimensions':
      // QuickTime servers, and GStreamer for JPEG beyond 2,040 pixels.
      if (draft) {
        draft.dimensions ??= value;
      }
      break;
    default:
      break;
  }
}

/** Keeps a value for its media section and for others without one (some cameras put H.264's fmtp into the audio section). */
function keep(into: Map<number, string>, value: string, media: number): void {
  // Without the flag `s`, a line separator (U+2028) makes the match backtrack over every blank before it.
  const match = /^(\d{1,3})(?:\s+(.*))?$/s.exec(value);
  const type = Number(match?.[1] ?? Number.NaN);
  if (!(type < 128) || match?.[2] === undefined) {
    return;
  }
  const own = scopedKey(media, type);
  if (!into.has(own)) {
    into.set(own, match[2]);
  }
  if (!into.has(type)) {
    into.set(type, match[2]);
  }
}

/** @param media 1-based; plain payload types are the keys for any section */
function scopedKey(media: number, payloadType: number): number {
  return media * 128 + payloadType;
}

function formatsOf(session: Session, draft: Draft, index: number): RtpFormat[] {
  const formats: RtpFormat[] = [];
  for (const payloadType of draft.payloadTypes) {
    const own = scopedKey(index + 1, payloadType);
    const mapText = session.maps.get(own) ?? session.maps.get(payloadType) ?? '';
    const map = parseMap(mapText);
    const known = STATIC_FORMATS[payloadType];
    const encoding = map.encoding || known?.[0] || '';
    const clockRate = map.clockRate || USUAL_CLOCK_RATES[encoding] || known?.[1] || 0;
    if (encoding === '' || clockRate === 0) {
      continue;
    }
    const channels = map.channels ?? (encoding === known?.[0] ? known[2] : undefined) ?? 1;
    const fmtpText = session.fmtps.get(own) ?? session.fmtps.get(payloadType) ?? '';
    const fmtp = parseFmtp(fmtpText);
    const text = { rtpmap: map.encoding === '' ? mapOf(encoding, clockRate, channels) : mapText, fmtp: fmtpText };
    const pictureSize = parseSize(session.frameSizes.get(own)) ?? parseSize(draft.dimensions);
    formats.push({
      payloadType,
      encoding,
      clockRate,
      channels,
      fmtp,
      text,
      ...(pictureSize && { pictureSize }),
    });
  }
  return formats;
}

/** A key that is not supported counts as none: plain RTP may be possible. */
function mediaKey(text: string | undefined): Pick<SdpMedia, 'key'> {
  try {
    return text === undefined ? {} : { key: parseKeyAttribute(text) };
  } catch (error) {
    if (error instanceof PerchError) {
      return {};
    }
    throw error;
  }
}

const mapOf = (encoding: string, clockRate: number, channels: number): string =>
  `${encoding}/${clockRate}${channels > 1 ? `/${channels}` : ''}`;

type RelayKind = 'audio' | 'video' | 'application';

/** Sections whose formats RTSP readers may get as they are; an application is metadata, such as that of ONVIF. */
export const relayKindOf = (media: SdpMedia | undefined): RelayKind | undefined =>
  RELAY_KINDS.find((kind) => kind === media?.kind);
const RELAY_KINDS: readonly RelayKind[] = ['audio', 'video', 'application'];

/** `H264/90000`, `opus/48000/2`. */
function parseMap(text: string): { encoding: string; clockRate: number; channels: number | undefined } {
  const [encoding = '', rate = '', channels = ''] = text.split('/', 3).map((word) => word.trim());
  const clockRate = /^\d{1,7}$/.test(rate) ? Number(rate) : 0;
  return {
    // Names of encodings appear in logs and messages; registered ones have about 30 characters at most.
    encoding: encoding.length <= 40 ? encoding.toUpperCase() : '',
    clockRate,
    channels: /^[1-8]$/.test(channels) ? Number(channels) : undefined,
  };
}

/** `1920-1080`, `1920,1080`. */
function parseSize(text = ''): PictureSize | undefined {
  const match = /^(\d{1,5})\s*[-,]\s*(\d{1,5})$/.exec(text.trim());
  const [width, height] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  // Largest side that the image header can express.
  const isPossible = width > 0 && height > 0 && Math.max(width, height) <= 0xffff;
  return isPossible ? { width, height } : undefined;
}

/** `a=1; b=2`; values may contain `=` (base64). */
function parseFmtp(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const word of text.split(';', 64)) {
    const equals = word.indexOf('=');
    const key = (equals < 0 ? word : word.slice(0, equals)).trim().toLowerCase();
    if (key !== '' && !values.has(key)) {
      values.set(key, equals < 0 ? '' : unquote(word.slice(equals + 1).trim()));
    }
  }
  return values;
}

/** Some cameras quote values, against the syntax. */
function unquote(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
