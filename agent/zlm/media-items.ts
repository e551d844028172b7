import { streamNameOf, VHOST } from './stream-name.ts';

/** A path, as far as these calls tell of it. */
export interface ShownPath {
  readonly name: string;
  readonly ready: boolean;
  /** RFC 3339. */
  readonly readyTime: string | null;
  readonly source: { readonly type: string; readonly id: string } | null;
  readonly readers: readonly { readonly type: string; readonly id: string }[];
  readonly inboundBytes: number;
  /** Bits per second. */
  readonly bitrate: number;
  readonly tracks2: readonly {
    readonly codec: string;
    readonly codecProps: Readonly<Record<string, unknown>> | null;
  }[];
  readonly recording: { readonly active: boolean } | null;
  readonly lastError: string | null;
}

/** Whether a session is one of those that ZLMediaKit counts for a schema: WebRTC's are RTSP's there. */
const SCHEMA_OF: Readonly<Record<string, string>> = {
  rtspSession: 'rtsp',
  rtspsSession: 'rtsp',
  webRTCSession: 'rtsp',
  hlsSession: 'hls',
};

const ORIGINS: Readonly<Record<string, readonly [type: number, name: string]>> = {
  rtspSession: [2, 'rtsp_push'],
  rtspsSession: [2, 'rtsp_push'],
  webRTCSession: [8, 'rtc_push'],
};
const PULLED = [4, 'pull'] as const;
const UNKNOWN = [0, 'unknown'] as const;

/** Where a publisher sends from. */
export interface OriginSocket {
  readonly peer_ip: string;
  readonly peer_port: number;
  readonly local_ip: string;
  readonly local_port: number;
  readonly identifier: string;
}

export interface ItemFacts {
  readonly wallMs: number;
  /** Without password. */
  readonly sourceUrl: string | undefined;
  readonly socket: OriginSocket | null;
}

/** How the source of a path is told of. */
export function originOf(path: ShownPath, sourceUrl: string | undefined) {
  const { type = '', id = '' } = path.source ?? {};
  const isPulled = path.source !== null && id === '';
  const [originType, originTypeStr] = isPulled ? PULLED : (ORIGINS[type] ?? UNKNOWN);
  const { app, stream } = streamNameOf(path.name);
  const pushed = `${originTypeStr.replace(/_.*/, '')}://${VHOST}/${app}/${stream}`;
  return { originType, originTypeStr, originUrl: isPulled ? (sourceUrl ?? '') : pushed };
}

/** An item of `getMediaList`. What is not counted here (frames, loss) is not in it. */
export function mediaItem(path: ShownPath, schema: string, { wallMs, sourceUrl, socket }: ItemFacts) {
  const sinceMs = Date.parse(path.readyTime ?? '') || wallMs;
  const { app, stream } = streamNameOf(path.name);
  return {
    ...{ schema, vhost: VHOST, app, stream, params: '' },
    createStamp: Math.floor(sinceMs / 1000),
    aliveSecond: Math.max(0, Math.floor((wallMs - sinceMs) / 1000)),
    bytesSpeed: Math.round(path.bitrate / 8),
    totalBytes: path.inboundBytes,
    readerCount: readersOf(path, schema).length,
    totalReaderCount: path.readers.length,
    ...originOf(path, sourceUrl),
    isRecordingMP4: path.recording?.active ?? false,
    isRecordingHLS: false,
    originSock: socket,
    tracks: path.tracks2.map(trackItem),
  };
}

/** Readers of a path that count for a schema. */
export function readersOf({ readers }: ShownPath, schema: string): ShownPath['readers'] {
  const family = schema.replace(/\..*/, '');
  return readers.filter(({ type }) => (SCHEMA_OF[type] ?? 'rtsp') === family);
}

/** By the names that the control API has for codecs. */
const CODECS: Readonly<Record<string, readonly [id: number, name: string, isAudio: boolean]>> = {
  H264: [0, 'H264', false],
  H265: [1, 'H265', false],
  'MPEG-4 Audio': [2, 'mpeg4-generic', true],
  G711: [3, 'PCMA', true],
  Opus: [5, 'opus', true],
  LPCM: [6, 'L16', true],
  VP8: [7, 'VP8', false],
  VP9: [8, 'VP9', false],
  AV1: [9, 'AV1', false],
  'M-JPEG': [10, 'JPEG', false],
  'MPEG-1/2 Audio': [14, 'MP3', true],
  G722: [18, 'G722', true],
  // No numbers of their own there.
  FLAC: [-1, 'FLAC', true],
  AC3: [-1, 'AC3', true],
};
const NO_CODEC = [-1, 'unknown', false] as const;
const PCMU = [4, 'PCMU', true] as const;
const SAMPLE_BITS = 16;

function trackItem({ codec, codecProps }: ShownPath['tracks2'][number]) {
  const props = codecProps ?? {};
  const [codecId, codecName, isAudio] = props['muLaw'] === true ? PCMU : (CODECS[codec] ?? NO_CODEC);
  const common = { codec_id: codecId, codec_id_name: codecName, codec_type: isAudio ? 1 : 0, ready: true };
  if (!isAudio) {
    return { ...common, ...known({ width: props['width'], height: props['height'] }) };
  }
  const [channels, bits] = [props['channelCount'], props['bitDepth'] ?? SAMPLE_BITS];
  return { ...common, ...known({ sample_rate: props['sampleRate'], channels, sample_bit: bits }) };
}

const known = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
