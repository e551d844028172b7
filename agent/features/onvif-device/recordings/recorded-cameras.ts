import type { Track } from '../../../media/sample/track.ts';
import { trackTokenOf } from '../../../media/sdp/write.ts';
import { type Call, type CameraDetection, type OfferedCamera, SERVICES, type StreamToken } from '../server/contract.ts';
import { fault, tag } from '../server/soap.ts';

/** A recorded range without a gap. Unix microseconds. */
interface RecordedSpan {
  readonly startUs: number;
  readonly durationUs: number;
}

/** The recordings of this box, as far as recorders see them. */
export interface RecordedStore {
  /** Oldest first; cut at the ends of the request. */
  spans(path: string, fromUs?: number, toUs?: number): Promise<readonly RecordedSpan[]>;
  /** Tracks of the newest recording that RTSP carries; none: there is no recording. */
  tracks(path: string): Promise<readonly Track[]>;
  isRecording(path: string): boolean;
  /** Events that overlap the range, oldest first. */
  events(path: string, fromUs: number, toUs: number, limit: number): readonly CameraDetection[];
}

/** The recordings of one stream of a camera: what ONVIF calls a recording. */
export interface Recorded {
  /** Also the token of its profile. */
  readonly token: StreamToken;
  readonly path: string;
  readonly camera: OfferedCamera;
  readonly tracks: readonly Track[];
  readonly fromUs: number;
  readonly toUs: number;
  readonly isRecording: boolean;
}

/** The recordings of a camera, the main stream first. @throws PerchError */
export async function recordedOf(call: Call, store: RecordedStore): Promise<readonly Recorded[]> {
  call.requirePlayback();
  const { camera } = call;
  const all: Recorded[] = [];
  for (const { token, path } of camera.streams) {
    const spans = await store.spans(path);
    const [first, last] = [spans[0], spans.at(-1)];
    const tracks = first ? await store.tracks(path) : [];
    if (first && last && tracks.length > 0) {
      const [fromUs, toUs] = [first.startUs, last.startUs + last.durationUs];
      all.push({ token, path, camera, tracks, fromUs, toUs, isRecording: store.isRecording(path) });
    }
  }
  return all;
}

/** @throws PerchError NoRecording */
export async function findRecorded(call: Call, store: RecordedStore, token: string | undefined): Promise<Recorded> {
  const found = (await recordedOf(call, store)).find((one) => one.token === token);
  if (!found) {
    throw fault(
      `no recording '${token?.slice(0, 64) ?? ''}': GetRecordings lists them`,
      'InvalidArgVal',
      'NoRecording',
    );
  }
  return found;
}

export const timeText = (us: number): string => new Date(us / 1000).toISOString();

export const trackTokens = ({ tracks }: Recorded): readonly string[] => tracks.map(trackTokenOf);

const TYPES: Readonly<Record<string, string>> = { video: 'Video', audio: 'Audio' };

export const trackType = ({ kind }: Track): string => TYPES[kind] ?? 'Extended';

/** `tt:RecordingSourceInformation`, without its own element. */
export const sourceInformation = ({ token, camera }: Recorded, { origin }: Call): string =>
  tag('tt:SourceId', `urn:perch:${encodeURIComponent(camera.path)}:${token}`) +
  tag('tt:Name', camera.name.slice(0, 20)) +
  tag('tt:Location', '') +
  tag('tt:Description', camera.name) +
  tag('tt:Address', origin + SERVICES.device.path);

/** `tt:RecordingInformation`, without its own element. */
export function recordingInformation(recorded: Recorded, call: Call): string {
  const { token, camera, fromUs, toUs, isRecording } = recorded;
  const tracks = recorded.tracks.map((track, i) => {
    const content = trackInformation(recorded, track, i);
    return `<tt:Track>${content}</tt:Track>`;
  });
  return (
    `${tag('tt:RecordingToken', token)}<tt:Source>${sourceInformation(recorded, call)}</tt:Source>` +
    tag('tt:EarliestRecording', timeText(fromUs)) +
    tag('tt:LatestRecording', timeText(toUs)) +
    tag('tt:Content', camera.name) +
    tracks.join('') +
    tag('tt:RecordingStatus', isRecording ? 'Recording' : 'Stopped')
  );
}

export const trackInformation = ({ fromUs, toUs }: Recorded, track: Track, index: number): string =>
  tag('tt:TrackToken', trackTokenOf(track, index)) +
  tag('tt:TrackType', trackType(track)) +
  tag('tt:Description', track.codec) +
  tag('tt:DataFrom', timeText(fromUs)) +
  tag('tt:DataTo', timeText(toUs));
