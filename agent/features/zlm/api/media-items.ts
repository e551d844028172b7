import { CODECS } from '../../../media/codecs.ts';
import type { SessionKind } from '../../../protocols/contract.ts';
import { streamNameOf, VHOST } from './stream-name.ts';

/** A path, as far as these calls show it. */
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

interface ItemFacts {
  readonly wallMs: number;
  /** URL without password. */
  readonly sourceUrl: string | undefined;
  readonly socket: OriginSocket | null;
  readonly kinds: readonly SessionKind[];
}

/** The fields about the source of a path. */
export function originOf(path: ShownPath, sourceUrl: string | undefined, kinds: readonly SessionKind[]) {
  const { type = '', id = '' } = path.source ?? {};
  const isPulled = path.source !== null && id === '';
  const [originType, originTypeStr] = isPulled ? PULLED : (zlmOf(type, kinds)?.origin ?? UNKNOWN);
  const { app, stream } = streamNameOf(path.name);
  const pushed = `${originTypeStr.replace(/_.*/, '')}://${VHOST}/${app}/${stream}`;
  return { originType, originTypeStr, originUrl: isPulled ? (sourceUrl ?? '') : pushed };
}

const zlmOf = (apiType: string, kinds: readonly SessionKind[]) => kinds.find((kind) => kind.apiType === apiType)?.zlm;

/** An item of `getMediaList`, without what Perch does not count (frames, loss). */
export function mediaItem(path: ShownPath, schema: string, { wallMs, sourceUrl, socket, kinds }: ItemFacts) {
  const sinceMs = Date.parse(path.readyTime ?? '') || wallMs;
  const { app, stream } = streamNameOf(path.name);
  return {
    schema,
    vhost: VHOST,
    app,
    stream,
    params: '',
    createStamp: Math.floor(sinceMs / 1000),
    aliveSecond: Math.max(0, Math.floor((wallMs - sinceMs) / 1000)),
    bytesSpeed: Math.round(path.bitrate / 8),
    totalBytes: path.inboundBytes,
    readerCount: readersOf(path, schema, kinds).length,
    totalReaderCount: path.readers.length,
    ...originOf(path, sourceUrl, kinds),
    isRecordingMP4: path.recording?.active ?? false,
    isRecordingHLS: false,
    originSock: socket,
    tracks: path.tracks2.map(trackItem),
  };
}

/** Readers of a path that count for a schema. */
export function readersOf({ readers }: ShownPath, schema: string, kinds: readonly SessionKind[]): ShownPath['readers'] {
  const family = schema.replace(/\..*/, '');
  return readers.filter(({ type }) => (zlmOf(type, kinds)?.schema ?? 'rtsp') === family);
}

/** Codecs by the label that the control API has for them. */
const codecs = new Map(CODECS.map((codec) => [codec.label, codec]));
const NO_CODEC = [-1, 'unknown'] as const;
const PCMU = [4, 'PCMU'] as const;
const SAMPLE_BITS = 16;

function trackItem({ codec, codecProps }: ShownPath['tracks2'][number]) {
  const props = codecProps ?? {};
  const { kind, zlm = NO_CODEC } = codecs.get(codec) ?? {};
  const [codecId, codecName] = props['muLaw'] === true ? PCMU : zlm;
  const isAudio = kind === 'audio';
  const common = { codec_id: codecId, codec_id_name: codecName, codec_type: isAudio ? 1 : 0, ready: true };
  if (!isAudio) {
    return { ...common, ...known({ width: props['width'], height: props['height'] }) };
  }
  const [channels, bits] = [props['channelCount'], props['bitDepth'] ?? SAMPLE_BITS];
  return { ...common, ...known({ sample_rate: props['sampleRate'], channels, sample_bit: bits }) };
}

const known = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
