/** Kinds of HLS, as `hlsVariant` names them. */
export type HlsVariant = 'lowLatency' | 'fmp4' | 'mpegts';

export interface MuxerOptions {
  /** Random and new for each muxer, so that no cache mixes two of them up. */
  readonly prefix: string;
  readonly variant: HlsVariant;
  /** Number of segments in a playlist. */
  readonly segmentCount: number;
  readonly segmentDurationMs: number;
  readonly partDurationMs: number;
  readonly segmentMaxBytes: number;
  /** The longest GOP that the path has had before; 0 or undefined if unknown. */
  readonly longestGroupMs?: number;
  /** End of the path's last playlists, which players may have, or undefined for the first of this path. */
  readonly continues?: PlaylistEnd;
  /** Number of players of all muxers. */
  readonly playerCount?: () => number;
}

/** Where the playlists of the path's next stream continue: numbers do not decrease (RFC 8216 §6.2.2). */
export interface PlaylistEnd {
  /** Media sequence number. */
  readonly nextNumber: number;
  /** Discontinuities so far. */
  readonly discontinuities: number;
}

export interface MediaFile {
  readonly name: string;
  readonly type: 'video/mp4' | 'audio/mp4' | 'video/mp2t';
  readonly sizeBytes: number;
  readonly pieces: readonly Uint8Array[];
  /** A sender holds the file while it sends; the muxer reuses its memory after the last release. */
  hold(): void;
  release(): void;
}

/** A part in a media playlist (RFC 8216bis §4.4.4.9). */
export interface PartLine {
  readonly name: string;
  readonly durationS: number;
  /** Begins with a key sample. */
  readonly isIndependent: boolean;
}

/** A whole segment in a media playlist (RFC 8216bis §4.4.4). */
export interface SegmentLine {
  /** Media sequence number. */
  readonly number: number;
  readonly name: string;
  readonly durationS: number;
  /** Unix milliseconds of the first sample. */
  readonly wallMs: number;
  /** Undefined in MPEG-TS, which needs none. */
  readonly init: { readonly name: string } | undefined;
  /** Time or format does not continue the segment before. */
  readonly isDiscontinuity: boolean;
  /** Begins with a key sample. */
  readonly isIndependent: boolean;
  /** The track was silent: no file exists. */
  readonly isGap: boolean;
  /** Empty if the segment is not offered in parts. */
  readonly parts: readonly PartLine[];
}

/** The segment being made, if parts are offered. */
export interface RunningSegment {
  readonly number: number;
  /** Unix milliseconds of its first part's first sample; meaningless without a part. */
  readonly wallMs: number;
  readonly init: { readonly name: string };
  readonly isDiscontinuity: boolean;
  readonly parts: readonly PartLine[];
  /** Name of the next part (EXT-X-PRELOAD-HINT). */
  readonly nextPartName: string;
}

/** Immutable: each change creates a new one. */
export interface MediaPlaylist {
  /** Whole seconds. */
  readonly targetDurationS: number;
  /** EXT-X-PART-INF, or undefined without parts. */
  readonly partTargetS: number | undefined;
  readonly partHoldBackS?: number | undefined;
  /** Discontinuity sequence number of the first listed segment. */
  readonly discontinuitySequence: number;
  /** Oldest first. */
  readonly segments: readonly SegmentLine[];
  readonly running: RunningSegment | undefined;
  /**
   * EXT-X-INDEPENDENT-SEGMENTS, which may be withdrawn but not added later (RFC 8216bis §6.2.1). Undefined: set while
   * all listed segments are independent.
   */
  readonly claimsIndependence?: boolean;
}

/** A media playlist of a stream: one track, or all of them in MPEG-TS (`main`). */
export interface HlsRendition {
  /** `video1`, `audio2`, `main`: the playlist is `{name}_stream.m3u8`. */
  readonly name: string;
  /** Values for CODECS; in MPEG-TS several. */
  readonly codecs: readonly string[];
  /**
   * Other CODECS for the same files (MPEG-TS only), each a variant of its own: a player skips a variant with an unknown
   * codec, even if it could play the rest.
   */
  readonly otherCodecs?: readonly (readonly string[])[];
  readonly kind: 'video' | 'audio';
  /** Not every player decodes it (AC-3, MP3 in MP4): a variant without it is offered. */
  readonly isRare?: boolean;
  /** Undefined for audio. */
  readonly picture: { readonly width: number; readonly height: number; readonly fps: number | undefined } | undefined;
  /** Bits per second, of whole segments. */
  bitRate(): { readonly peak: number; readonly average: number };
  /** Undefined before the first segment. Each change creates a new object, so that texts can be cached by it. */
  readonly playlist: MediaPlaylist | undefined;
  /**
   * Settles at the next change of `playlist`, one promise for all callers. Rejects with 'unavailable' when the muxer is
   * closed.
   */
  changed(): Promise<void>;
}

/** A stream as HLS. Reads the stream from `start` on. */
export interface HlsMuxer {
  /** Settles with the first segment; rejects with the cause if the muxer ends before. */
  readonly ready: Promise<void>;
  readonly isClosed: boolean;
  /** The leading one first: the video, else the first audio. */
  readonly renditions: readonly HlsRendition[];
  bytesSent: number;
  readonly framesDiscarded: number;
  /** Also known when closed. */
  readonly playlistEnd: PlaylistEnd;
  start(): void;
  close(): void;
  file(name: string): MediaFile | undefined;
  /** The rendition whose next part has this name (EXT-X-PRELOAD-HINT). */
  awaiting(name: string): HlsRendition | undefined;
  countSent(bytes: number): void;
}
