import { PerchError } from '../../../base/errors.ts';
import { fourccText } from '../box/boxes.ts';
import { type BoxLocation, childAt, childrenOf, need, versionOf } from '../box/walk.ts';

/** Defaults of samples (`trex`, `tfhd`). */
export interface SampleDefaults {
  readonly duration: number;
  readonly sizeBytes: number;
  readonly flags: number;
}

/** The fields of a video or audio `trak`, and its sample defaults. */
export interface Mp4Track {
  readonly id: number;
  /** Ticks per second. */
  readonly timescale: number;
  readonly kind: 'video' | 'audio';
  /** Type of the sample entry: `avc1`, `hvc1`, `mp4a`, `Opus`, `fLaC`, `ipcm`, … */
  readonly codec: string;
  /** The whole entry of `stsd`: a view. */
  readonly sampleEntry: Uint8Array;
  /** Pixels; 0 for audio. */
  readonly width: number;
  readonly height: number;
  /** Hertz, from the sample entry; 0 for video. */
  readonly sampleRate: number;
  readonly channels: number;
  readonly defaults: SampleDefaults;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
/** The fields of `trak` read so far; kinds other than video and audio stay undefined. */
export type TrackFields = Omit<Writable<Mp4Track>, 'kind'> & { kind: 'video' | 'audio' | undefined };

/** All but `defaults`, which are in `mvex`. */
export function parseTrak(bytes: Uint8Array, view: DataView, trak: BoxLocation): TrackFields {
  const track: TrackFields = {
    id: 0,
    timescale: 0,
    kind: undefined,
    codec: '',
    sampleEntry: bytes.subarray(0, 0),
    width: 0,
    height: 0,
    sampleRate: 0,
    channels: 0,
    defaults: { duration: 0, sizeBytes: 0, flags: 0 },
  };
  for (const child of childrenOf(view, trak)) {
    const name = fourccText(child.type);
    if (name === 'tkhd') {
      const at = versionOf(view, child) === 1 ? 20 : 12;
      need(child, at + 4);
      track.id = view.getUint32(child.bodyStart + at);
    } else if (name === 'mdia') {
      parseMdia(bytes, view, child, track);
    }
  }
  return track;
}

function parseMdia(bytes: Uint8Array, view: DataView, mdia: BoxLocation, track: TrackFields): void {
  let stsd: BoxLocation | undefined;
  for (const child of childrenOf(view, mdia)) {
    const name = fourccText(child.type);
    if (name === 'mdhd') {
      const at = versionOf(view, child) === 1 ? 20 : 12;
      need(child, at + 4);
      track.timescale = view.getUint32(child.bodyStart + at);
    } else if (name === 'hdlr') {
      need(child, 12);
      const handler = fourccText(view.getUint32(child.bodyStart + 8));
      track.kind = handler === 'vide' ? 'video' : handler === 'soun' ? 'audio' : undefined;
    } else if (name === 'minf') {
      const stbl = find(view, child, 'stbl');
      stsd = stbl && find(view, stbl, 'stsd');
    }
  }
  if (track.kind && track.timescale === 0) {
    throw new PerchError('badInput', `MP4 track ${track.id} has a time scale of 0`);
  }
  if (stsd && track.kind) {
    parseSampleEntry(bytes, view, stsd, track);
  }
}

/** The first entry: no recorder writes several descriptions for a track. */
function parseSampleEntry(bytes: Uint8Array, view: DataView, stsd: BoxLocation, track: TrackFields): void {
  need(stsd, 8);
  const entry = childAt(view, stsd.bodyStart + 8, stsd.end);
  if (!entry) {
    return;
  }
  need(entry, 28);
  track.codec = fourccText(entry.type);
  track.sampleEntry = bytes.subarray(entry.start, entry.end);
  if (track.kind === 'video') {
    track.width = view.getUint16(entry.bodyStart + 24);
    track.height = view.getUint16(entry.bodyStart + 26);
  } else {
    track.channels = view.getUint16(entry.bodyStart + 16);
    track.sampleRate = view.getUint16(entry.bodyStart + 24);
  }
}

function find(view: DataView, parent: BoxLocation, name: string): BoxLocation | undefined {
  return childrenOf(view, parent).find((child) => fourccText(child.type) === name);
}

export const isMedia = (track: TrackFields): track is TrackFields & Mp4Track =>
  track.kind !== undefined && track.codec !== '';
