import { PerchError, rethrowUnexpected } from '../../base/errors.ts';
import { AC3 } from '../ac3/params.ts';
import { EAC3 } from '../eac3/params.ts';
import { Vp8Rules } from '../vp8/params.ts';
import { Vp9Rules } from '../vp9/params.ts';
import { AacReader, Ac3Reader, FlacReader, G711Reader, MpegAudioReader, OpusReader } from './audio-readers.ts';
import type { CodecReader, FlvTrack } from './codec-reader.ts';
import { PACKET, TAG } from './codes.ts';
import { type PacketSink, TagReader } from './tag-reader.ts';
import { Av1Reader, AvcReader, HevcReader, VpxReader } from './video-readers.ts';

interface Codec {
  /** MediaMTX's name. */
  readonly label: string;
  read(track: FlvTrack): CodecReader;
}

/** By fourCC, or the names of `codes.ts`. */
const CODECS: Readonly<Record<string, Codec>> = {
  avc1: { label: 'H264', read: (track) => new AvcReader(track) },
  hvc1: { label: 'H265', read: (track) => new HevcReader(track) },
  av01: { label: 'AV1', read: (track) => new Av1Reader(track) },
  vp08: { label: 'VP8', read: (track) => new VpxReader(track, new Vp8Rules()) },
  vp09: { label: 'VP9', read: (track) => new VpxReader(track, new Vp9Rules()) },
  mp4a: { label: 'MPEG-4 Audio', read: (track) => new AacReader(track) },
  '.mp3': { label: 'MPEG-1/2 Audio', read: (track) => new MpegAudioReader(track) },
  Opus: { label: 'Opus', read: (track) => new OpusReader(track) },
  'ac-3': { label: 'AC3', read: (track) => new Ac3Reader(track, AC3) },
  'ec-3': { label: 'EAC3', read: (track) => new Ac3Reader(track, EAC3) },
  fLaC: { label: 'FLAC', read: (track) => new FlacReader(track) },
  alaw: { label: 'G711', read: (track) => new G711Reader(track, 'a') },
  ulaw: { label: 'G711', read: (track) => new G711Reader(track, 'mu') },
};

const MAX_TRACKS = 16;

/** Opens the tracks of an FLV stream; implemented by the owner of the demuxer. */
export interface FlvTracks {
  /** Called before the first packet of a track. @returns undefined if the track is dropped */
  open(isVideo: boolean, label: string, trackId: number): FlvTrack | undefined;
  /** A track is dropped. Called once for each. @param name of the codec, for messages */
  onUnsupported(isVideo: boolean, name: string, reason: string): void;
}

interface OpenTrack {
  readonly codec: string;
  readonly input: FlvTrack | undefined;
  /** Undefined: its packets are dropped. */
  reader: CodecReader | undefined;
  isConfigured?: boolean;
}

/** Reads messages of RTMP, or tags of FLV, and delivers the units of their tracks. */
export class FlvDemuxer implements PacketSink {
  readonly #tracks: FlvTracks;
  readonly #tags = new TagReader(this);
  /** By track id, those of video plus 256. */
  readonly #open = new Map<number, OpenTrack>();
  #timestamp = 0;

  constructor(tracks: FlvTracks) {
    this.#tracks = tracks;
  }

  /**
   * @param type of `TAG`; others are ignored
   * @param timestamp in milliseconds, 32 bits
   * @param data,start,end its body, valid during the call only
   * @throws PerchError if the tag is invalid
   */
  push(type: number, timestamp: number, data: Uint8Array, start: number, end: number): void {
    this.#timestamp = timestamp;
    if (type === TAG.video) {
      this.#tags.video(data, start, end);
    } else if (type === TAG.audio) {
      this.#tags.audio(data, start, end);
    }
  }

  onPacket(
    isVideo: boolean,
    codec: string,
    trackId: number,
    packet: number,
    compositionMs: number,
    data: Uint8Array,
    start: number,
    end: number,
  ): void {
    // Colours and the like; FFmpeg 8 sends those of other tracks as track 0's.
    if (packet === PACKET.metadata) {
      return;
    }
    const key = trackId + (isVideo ? 256 : 0);
    const track = this.#open.get(key) ?? this.#start(key, isVideo, codec, trackId);
    if (track.codec !== codec) {
      throw new PerchError('unsupported', `the codec changes from ${track.codec} to ${codec}`);
    }
    const { reader, input } = track;
    if (!reader || !input) {
      return;
    }
    if (packet === PACKET.codedFrames || packet === PACKET.codedFramesX) {
      const ticks = input.arrive(this.#timestamp);
      this.#frame(reader, input, data, start, end, ticks, compositionMs);
    } else if (packet === PACKET.sequenceStart) {
      this.#configure(track, isVideo, data, start, end);
    }
  }

  onUnsupported(isVideo: boolean, name: string): void {
    const key = isVideo ? 256 : 0;
    if (!this.#open.has(key)) {
      this.#open.set(key, { codec: name, input: undefined, reader: undefined });
      this.#tracks.onUnsupported(isVideo, name, 'not supported');
    }
  }

  #frame(
    reader: CodecReader,
    input: FlvTrack,
    data: Uint8Array,
    start: number,
    end: number,
    ticks: number,
    compositionMs: number,
  ): void {
    try {
      reader.frame(data, start, end, ticks + compositionMs, ticks);
    } catch (error) {
      rethrowUnexpected(error);
      input.onDamage(error.message);
    }
  }

  #configure(track: OpenTrack, isVideo: boolean, data: Uint8Array, start: number, end: number): void {
    try {
      track.reader?.configure(data, start, end);
      track.isConfigured = true;
    } catch (error) {
      rethrowUnexpected(error);
      if (track.isConfigured && error.code === 'badInput') {
        track.input?.onDamage(error.message);
        return;
      }
      track.reader = undefined;
      this.#tracks.onUnsupported(isVideo, CODECS[track.codec]?.label ?? track.codec, error.message);
    }
  }

  #start(key: number, isVideo: boolean, codec: string, trackId: number): OpenTrack {
    if (this.#open.size >= MAX_TRACKS) {
      throw new PerchError('exhausted', `more than ${MAX_TRACKS} tracks`);
    }
    const known = Object.hasOwn(CODECS, codec) ? CODECS[codec] : undefined;
    const input = known && this.#tracks.open(isVideo, known.label, trackId);
    const track: OpenTrack = { codec, input, reader: input && known?.read(input) };
    this.#open.set(key, track);
    if (!known) {
      this.#tracks.onUnsupported(isVideo, JSON.stringify(codec), 'not supported');
    }
    return track;
  }
}
