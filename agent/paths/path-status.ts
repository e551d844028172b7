import type { PathEntry } from '../config/load/path-entry.ts';
import { parseAv1Sequence } from '../media/av1/params.ts';
import { codecOf } from '../media/codecs.ts';
import { parseH265Sps } from '../media/h265/params.ts';
import type { Av1Track, G711Track, H264Track, Track } from '../media/sample/track.ts';
import type { SourceStatistics } from '../stream/contracts.ts';
import type { Stream } from '../stream/stream.ts';
import type { RecordingStatus } from './path-recorder.ts';

/** A track as MediaMTX's API describes it. */
interface TrackStatus {
  readonly codec: string;
  readonly codecProps: Record<string, unknown> | null;
}

interface SourceStatisticsItem {
  readonly transport: 'TCP' | 'UDP' | 'UDP-multicast' | null;
  /** RTP packets that came, never came, came too late, came out of order, and made no sense. */
  readonly packets: number;
  readonly lost: number;
  readonly late: number;
  readonly reordered: number;
  readonly badPackets: number;
  /** Times that the camera's timestamps jumped. */
  readonly jumps: number;
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
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** What people call the camera; null: the path's name will do. */
  readonly title: string | null;
  /** Place of the camera among the others, in the order of its owner; null: behind those that have one. */
  readonly order: number | null;
  /** Nobody connects to its camera now. */
  readonly paused: boolean;
  /** When it goes on by itself; null: when somebody says so. */
  readonly pausedUntil: string | null;
  readonly sourceState: 'running' | 'waiting' | 'stopped' | 'disabled' | null;
  /** Pulled only while somebody reads: then it is 'stopped' as long as nobody asks. */
  readonly sourceOnDemand: boolean;
  /** What came from the source, over all its connections; null: nothing is pulled. */
  readonly sourceStatistics: SourceStatisticsItem | null;
  /** The camera's clock minus ours, from its sender reports; null while it has not told. */
  readonly clockOffsetMs: number | null;
  /** Since when there is no stream; null while there is one, and for a disabled path. */
  readonly offlineSince: string | null;
  /** Why the source is not there, or why it went last time. */
  readonly lastError: string | null;
  /** The word for it that programs look at. */
  readonly lastErrorWhy: string | null;
  readonly lastErrorTime: string | null;
  /** Why the configuration of this path was refused. */
  readonly configError: string | null;
  readonly recording: RecordingStatus | null;
  /** Bits per second that came in, over the last seconds. */
  readonly bitrate: number;
  /** Whether people can talk through the camera; 'unknown' until somebody has wanted to. */
  readonly talk: 'yes' | 'no' | 'unknown';
  /** Why WebRTC viewers hear nothing although there is sound; null: they hear it, or there is none. */
  readonly webrtcSilence: string | null;
  /** Its pictures come out of their order, or did when they came last; null: none have come. WebRTC does not carry such. */
  readonly hasBFrames: boolean | null;
}

/** A path that the configuration disables: it is shown with the reason, and nothing runs. */
export function disabledStatus({ name, error }: PathEntry): PathStatus {
  return {
    name,
    confName: name,
    ready: false,
    readyTime: null,
    available: false,
    availableTime: null,
    online: false,
    onlineTime: null,
    source: null,
    tracks: [],
    tracks2: [],
    readers: [],
    inboundBytes: 0,
    outboundBytes: 0,
    inboundFramesInError: 0,
    bytesReceived: 0,
    bytesSent: 0,
    title: null,
    order: null,
    paused: false,
    pausedUntil: null,
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
  };
}

export function describeStatistics(statistics: SourceStatistics): SourceStatisticsItem {
  const { transport, packets, lost, late, reordered, badPackets, jumps } = statistics;
  return { transport: transport ?? null, packets, lost, late, reordered, badPackets, jumps };
}

/** What a path's stream is; undefined: there is none. @param since it is there */
export function describeStream(stream: Stream | undefined, since: string | null) {
  const isReady = stream !== undefined;
  const received = stream?.bytesReceived ?? 0;
  const sent = stream?.bytesSent ?? 0;
  const tracks = stream?.tracks ?? [];
  return {
    ...{
      ready: isReady,
      readyTime: since,
      available: isReady,
      availableTime: since,
      online: isReady,
      onlineTime: since,
    },
    ...{ tracks: trackLabels(tracks), tracks2: tracks.map(describeTrack), readers: readersOf(stream) },
    ...{ inboundBytes: received, outboundBytes: sent, inboundFramesInError: stream?.framesInError ?? 0 },
    ...{ bytesReceived: received, bytesSent: sent },
  };
}

/** Of the picture that viewers get: the first track of video. */
export const hasBFrames = (stream: Stream | undefined): boolean | undefined =>
  stream?.hasBFrames(stream.tracks.findIndex(({ kind }) => kind === 'video'));

export const trackLabels = (tracks: readonly Track[]): string[] => tracks.map((track) => codecOf(track).label);

/** A track never changes, another one comes in its place: it is looked into once, however often it is asked for. */
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
      return { width: track.width, height: track.height, profile: h264Profile(track), level: h264Level(track) };
    case 'h265':
      return { width: track.width, height: track.height, ...h265ProfileLevel(track.sps) };
    case 'av1':
      return av1Props(track);
    case 'vp9':
      return { profile: track.profile };
    case 'g711':
      return g711Props(track);
    case 'opus':
      return { channelCount: track.channels };
    case 'aac':
    case 'flac':
    case 'ac3':
      return { sampleRate: track.clockRate, channelCount: track.channels };
    case 'lpcm':
      return { bitDepth: track.bitDepth, sampleRate: track.clockRate, channelCount: track.channels };
    default:
      return null;
  }
}

/** Numbers as the sequence header has them, unlike those of H.264 and H.265. */
function av1Props({ width, height, sequenceHeader }: Av1Track): Record<string, unknown> {
  const { profile, levelIdx, tier } = parseAv1Sequence(sequenceHeader);
  return { width, height, profile, level: levelIdx, tier };
}

const g711Props = (track: G711Track) => ({
  muLaw: track.law === 'mu',
  sampleRate: track.clockRate,
  channelCount: track.channels,
});

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

function h264Profile({ sps }: H264Track): string {
  const profile = sps[1] ?? 0;
  return H264_PROFILES[profile] ?? String(profile);
}

const h264Level = ({ sps }: H264Track): string => String((sps[3] ?? 0) / 10);

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
