/** The tracks of a stream. A track's place in its stream's list is its number (0-based) everywhere in the program. */
export type Track = H264Track | H265Track | AacTrack | OpusTrack | G711Track | FlacTrack;
export type VideoTrack = H264Track | H265Track;
export type AudioTrack = AacTrack | OpusTrack | G711Track | FlacTrack;

interface TrackBase {
  /** Ticks per second of the track's samples' pts and dts. Video: 90,000. Audio: the sample rate. */
  readonly clockRate: number;
}

/** Parameter sets are NAL units without start code or length, as the last key frame used them. */
export interface H264Track extends TrackBase {
  readonly kind: 'video';
  readonly codec: 'h264';
  readonly width: number;
  readonly height: number;
  /** Frames per second when the SPS says so, else undefined. */
  readonly fps: number | undefined;
  readonly sps: Uint8Array;
  readonly pps: readonly Uint8Array[];
}

export interface H265Track extends TrackBase {
  readonly kind: 'video';
  readonly codec: 'h265';
  readonly width: number;
  readonly height: number;
  readonly fps: number | undefined;
  readonly vps: Uint8Array;
  readonly sps: Uint8Array;
  readonly pps: readonly Uint8Array[];
}

export interface AacTrack extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'aac';
  readonly channels: number;
  /** AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1. */
  readonly config: Uint8Array;
  /** PCM samples in one frame: 1024, or 960. */
  readonly frameSamples: number;
}

/** Clock rate is always 48,000 (RFC 7587 §4.1). */
export interface OpusTrack extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'opus';
  readonly channels: number;
}

export interface G711Track extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'g711';
  readonly law: 'a' | 'mu';
  readonly channels: number;
}

/** Only made by us, from G.711, for what is stored as MP4. 16 bits, mono or stereo. */
export interface FlacTrack extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'flac';
  readonly channels: number;
  /** PCM samples (per channel) in each frame. */
  readonly frameSamples: number;
}

/** The track's codec as MediaMTX's API and logs name it. */
export const CODEC_LABEL: Record<Track['codec'], string> = {
  h264: 'H264',
  h265: 'H265',
  aac: 'MPEG-4 Audio',
  opus: 'Opus',
  g711: 'G711',
  flac: 'FLAC',
};
