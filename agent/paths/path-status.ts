import type { PathEntry } from '../config/load/path-entry.ts';
import { parseAv1Sequence } from '../media/av1/params.ts';
import { codecOf } from '../media/codecs.ts';
import { parseH265Sps } from '../media/h265/params.ts';
import type { Av1Track, H264Track, Track } from '../media/sample/track.ts';
import type { SourceStatistics } from '../stream/contracts.ts';
import type { Stream } from '../stream/stream.ts';

/** Records the streams of a path. */
export interface PathRecorder {
  /** Records a new stream until it ends or `stop` is called. */
  start(stream: Stream): void;
  /** Finishes the open file. */
  stop(): Promise<void>;
  readonly status: RecordingStatus;
}

interface RecordingStatus {
  readonly active: boolean;
  /** Why nothing is recorded: for people, and as a code for programs. */
  readonly error: string | null;
  readonly why: string | null;
  readonly since: string | null;
}

/** A track as MediaMTX's API describes it. */
interface TrackStatus {
  readonly codec: string;
  readonly codecProps: Record<string, unknown> | null;
}

interface SourceStatisticsItem extends Omit<SourceStatistics, 'transport' | 'clockOffsetMs'> {
  readonly transport: NonNullable<SourceStatistics['transport']> | null;
}

/** The box whose camera a path shows. */
export interface PathBox {
  readonly id: string;
  readonly name: string;
  /** Null: it answers. RFC 3339. */
  readonly awaySince: string | null;
  /** Whether its owner lets this server move its cameras. */
  readonly turn: boolean;
  /** Whether its owner lets this server switch their lights, sirens and relays. */
  readonly switch: boolean;
  /** Whether its owner lets this server change permitted settings of its cameras. */
  readonly settings: boolean;
}

/** A path as the control API shows it: MediaMTX's fields, then Perch's own. Times are RFC 3339. */
export interface PathStatus {
  readonly name: string;
  readonly confName: string;
  readonly ready: boolean;
  readonly readyTime: string | null;
  readonly available: boolean;
  readonly availableTime: string | null;
  readonly online: boolean;
  readonly onlineTime: string | null;
  readonly source: { readonly type: string; readonly id: string } | null;
  readonly tracks: string[];
  readonly tracks2: TrackStatus[];
  readonly readers: { readonly type: string; readonly id: string }[];
  readonly inboundBytes: number;
  readonly outboundBytes: number;
  readonly inboundFramesInError: number;
  /** Tracks that the sender announces and does not deliver, and why; null: none. */
  readonly leftOut: string | null;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Name of the camera for people; null: the path's name. */
  readonly title: string | null;
  /** Position of the camera in its owner's order; null: after those with one. */
  readonly order: number | null;
  /** The camera is paused: no connection is made to it. */
  readonly paused: boolean;
  /** When the pause ends; null: when a user ends it. */
  readonly pausedUntil: string | null;
  /** The present mode makes the camera private: no connection is made to it, and nothing may be published. */
  readonly privacy: boolean;
  readonly sourceState: 'running' | 'waiting' | 'stopped' | 'disabled' | null;
  /** Pulled only while it has readers; `sourceState` is 'stopped' without them. */
  readonly sourceOnDemand: boolean;
  /** Sums over all connections of the source; null: the path is not pulled. */
  readonly sourceStatistics: SourceStatisticsItem | null;
  /** The camera's clock minus ours, in milliseconds, from sender reports; null before the first. */
  readonly clockOffsetMs: number | null;
  /** Null while there is a stream, and for a disabled path. */
  readonly offlineSince: string | null;
  /** Why the source does not run, or why it last ended. */
  readonly lastError: string | null;
  /** `lastError` as a code for programs. */
  readonly lastErrorWhy: string | null;
  readonly lastErrorTime: string | null;
  /** Why the configuration of this path was rejected. */
  readonly configError: string | null;
  readonly recording: RecordingStatus | null;
  /** Received bits per second, over the last seconds. */
  readonly bitrate: number;
  /** Whether the camera has a usable back channel; 'unknown' before the first check. */
  readonly talk: 'yes' | 'no' | 'unknown';
  /** Why WebRTC viewers get no audio; null: they get it, or there is none. */
  readonly webrtcSilence: string | null;
  /** Pictures are, or last were, reordered, which WebRTC does not carry; null: not known. */
  readonly hasBFrames: boolean | null;
  /** Null: the camera is this box's own. */
  readonly box: PathBox | null;
}

/** What says whether and why a path is not recorded. Without a recorder only the name counts. */
export interface RecordingFacts
  extends Pick<PathStatus, 'name' | 'ready' | 'paused' | 'privacy' | 'sourceOnDemand' | 'bytesReceived' | 'recording'> {
  /** How often its source has failed. */
  readonly faults?: number;
}

/** A path whose configuration was rejected. */
export function disabledStatus({ name, error }: PathEntry): PathStatus {
  return {
    name,
    confName: name,
    ...describeStream(undefined, null),
    source: null,
    title: null,
    order: null,
    paused: false,
    pausedUntil: null,
    privacy: false,
    sourceState: 'disabled',
    sourceOnDemand: false,
    sourceStatistics: null,
    clockOffsetMs: null,
    offlineSince: null,
    lastError: null,
    lastErrorWhy: null,
    lastErrorTime: null,
    configError: error ?? null,
    recording: null,
    bitrate: 0,
    talk: 'no',
    webrtcSilence: null,
    hasBFrames: null,
    box: null,
  };
}

export function describeStatistics(statistics: SourceStatistics): SourceStatisticsItem {
  const { transport, packets, lost, late, reordered, badPackets, jumps } = statistics;
  return { transport: transport ?? null, packets, lost, late, reordered, badPackets, jumps };
}

/** @param since when the stream opened, RFC 3339 */
export function describeStream(stream: Stream | undefined, since: string | null) {
  const isReady = stream !== undefined;
  const received = stream?.bytesReceived ?? 0;
  const sent = stream?.bytesSent ?? 0;
  const tracks = stream?.tracks ?? [];
  return {
    ready: isReady,
    readyTime: since,
    available: isReady,
    availableTime: since,
    online: isReady,
    onlineTime: since,
    tracks: trackLabels(tracks),
    tracks2: tracks.map(describeTrack),
    readers: readersOf(stream),
    inboundBytes: received,
    outboundBytes: sent,
    inboundFramesInError: stream?.framesInError ?? 0,
    leftOut: stream?.leftOut ?? null,
    bytesReceived: received,
    bytesSent: sent,
  };
}

/** Whether the first video track has B-frames, or undefined if unknown. */
export const hasBFrames = (stream: Stream | undefined): boolean | undefined =>
  stream?.hasBFrames(stream.tracks.findIndex(({ kind }) => kind === 'video'));

export const trackLabels = (tracks: readonly Track[]): string[] => tracks.map((track) => codecOf(track).label);

/** Tracks are immutable: each is parsed once. */
const described = new WeakMap<Track, TrackStatus>();

export function describeTrack(track: Track): TrackStatus {
  const known = described.get(track);
  if (known) {
    return known;
  }
  const status = { codec: codecOf(track).label, codecProps: propsOf(track) };
  described.set(track, status);
  return status;
}

function propsOf(track: Track): Record<string, unknown> | null {
  switch (track.codec) {
    case 'h264':
      return { width: track.width, height: track.height, ...h264ProfileLevel(track) };
    case 'h265':
      return { width: track.width, height: track.height, ...h265ProfileLevel(track.sps) };
    case 'av1':
      return av1Props(track);
    case 'vp9':
      return { profile: track.profile };
    case 'g711':
      return { muLaw: track.law === 'mu', sampleRate: track.clockRate, channelCount: track.channels };
    case 'opus':
      return { channelCount: track.channels };
    case 'aac':
    case 'flac':
    case 'ac3':
    case 'eac3':
      return { sampleRate: track.clockRate, channelCount: track.channels };
    case 'lpcm':
      return { bitDepth: track.bitDepth, sampleRate: track.clockRate, channelCount: track.channels };
    default:
      return null;
  }
}

/** Profile, level and tier as the numbers of the sequence header; H.264 and H.265 have names. */
function av1Props({ width, height, sequenceHeader }: Av1Track): Record<string, unknown> {
  const { profile, levelIdx, tier } = parseAv1Sequence(sequenceHeader);
  return { width, height, profile, level: levelIdx, tier };
}

/** Rec. ITU-T H.264 Annex A.2. */
const H264_PROFILES: Readonly<Record<number, string>> = {
  66: 'Baseline',
  77: 'Main',
  88: 'Extended',
  100: 'High',
  110: 'High 10',
  122: 'High 4:2:2',
  244: 'High 4:4:4 Predictive',
};

function h264ProfileLevel({ sps }: H264Track): { profile: string; level: string } {
  const [, profile = 0, , level = 0] = sps;
  return { profile: H264_PROFILES[profile] ?? String(profile), level: String(level / 10) };
}

/** Rec. ITU-T H.265 Annex A.3. */
const H265_PROFILES: Readonly<Record<number, string>> = {
  1: 'Main',
  2: 'Main 10',
  3: 'Main Still Picture',
  4: 'Range Extensions',
};

function h265ProfileLevel(sps: Uint8Array): { profile: string; level: string } {
  const { profileIdc, levelIdc } = parseH265Sps(sps).profile;
  return { profile: H265_PROFILES[profileIdc] ?? String(profileIdc), level: String(levelIdc / 30) };
}

function readersOf(stream: Stream | undefined): PathStatus['readers'] {
  const all = [...(stream?.readers ?? []), ...(stream?.viewers ?? [])];
  const listed = all.flatMap(({ kind, id }) => (kind ? [{ type: kind.apiType, id }] : []));
  return listed.sort((a, b) => (a.type + a.id < b.type + b.id ? -1 : 1));
}
